//! Where a zip is: an object or a file.

use std::{fs::File, io, ops::Range, os::unix::fs::FileExt as _};

use bytes::Bytes;

use super::{download::Download, store::Store};
use crate::proof::{Object, Trouble};

/// How much of a file is read at once.
const PIECE: u64 = 256 * 1024;

/// A zip that can be read by ranges and from its start to its end.
#[derive(Debug)]
pub(super) enum Source {
    /// An object of S3.
    Object(Store, Object),
    /// A file, and its size.
    File(File, u64),
}

impl Source {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Object(_, object) => object.bytes,
            Self::File(_, size) => *size,
        }
    }

    /// Reads a range.
    pub(super) async fn read(&self, range: &Range<u64>) -> Result<Vec<u8>, Trouble> {
        match self {
            Self::Object(store, object) => store.read(object, range).await,
            Self::File(file, _) => {
                read_file(file, range).map_err(|error| Trouble::Failed(error.to_string()))
            }
        }
    }

    /// Reads it from its start to its end.
    pub(super) fn stream(&self) -> Stream<'_> {
        match self {
            Self::Object(store, object) => Stream::Object(Download::new(store, object)),
            Self::File(file, size) => Stream::File {
                file,
                position: 0,
                size: *size,
            },
        }
    }
}

/// The bytes of a source in order.
#[derive(Debug)]
pub(super) enum Stream<'a> {
    Object(Download<'a>),
    File {
        file: &'a File,
        position: u64,
        size: u64,
    },
}

impl Stream<'_> {
    /// Returns the next bytes; an empty piece at the end.
    pub(super) async fn next(&mut self) -> Result<Bytes, Trouble> {
        match self {
            Self::Object(download) => download.next().await,
            Self::File {
                file,
                position,
                size,
            } => {
                let range = *position..(*size).min(position.saturating_add(PIECE));
                let bytes =
                    read_file(file, &range).map_err(|error| Trouble::Failed(error.to_string()))?;
                *position = range.end;
                Ok(bytes.into())
            }
        }
    }
}

fn read_file(file: &File, range: &Range<u64>) -> io::Result<Vec<u8>> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
