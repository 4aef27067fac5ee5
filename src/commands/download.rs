//! The bytes of an object from one offset on, begun again from where they were when the connection breaks.

use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use tokio::time::sleep;

use super::store::Store;
use crate::proof::{Object, Trouble};

/// How often a download may break without a byte in between.
const ATTEMPTS: u32 = 5;

/// A download of an object.
#[derive(Debug)]
pub(super) struct Download<'a> {
    store: &'a Store,
    object: &'a Object,
    position: u64,
    body: Option<ByteStream>,
    failures: u32,
}

impl<'a> Download<'a> {
    /// A download of the whole object, not begun yet.
    pub(super) fn new(store: &'a Store, object: &'a Object) -> Self {
        Self {
            store,
            object,
            position: 0,
            body: None,
            failures: 0,
        }
    }

    /// Returns the next bytes; an empty piece at the end.
    pub(super) async fn next(&mut self) -> Result<bytes::Bytes, Trouble> {
        while self.position < self.object.bytes {
            let Some(body) = &mut self.body else {
                let rest = self.position..self.object.bytes;
                self.body = Some(self.store.get(self.object, &rest).await?);
                continue;
            };
            let read = match body.next().await {
                Some(Ok(bytes)) => Ok(bytes),
                Some(Err(error)) => Err(Trouble::Failed(error.to_string())),
                None => Err(Trouble::Failed("S3 ended the object early".to_owned())),
            };
            match read {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    self.position += bytes.len() as u64;
                    self.failures = 0;
                    return Ok(bytes);
                }
                Err(trouble) => {
                    self.body = None;
                    self.failures += 1;
                    if self.failures >= ATTEMPTS {
                        return Err(trouble);
                    }
                    sleep(Duration::from_secs(1) * self.failures).await;
                }
            }
        }
        Ok(bytes::Bytes::new())
    }
}
