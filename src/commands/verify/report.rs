//! Where `verified.json` is written, and where an interrupted run is resumed from.

use std::{collections::BTreeMap, fmt, fs, io, path::PathBuf};

use aws_config::SdkConfig;

use crate::{
    commands::{
        Failed,
        store::{ObjectName, Store},
    },
    proof::{Trouble, VerifiedMailbox, VerifiedReport},
};

/// A place for a report.
pub(super) enum Place {
    Object(Store, ObjectName),
    File(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(_, name) => name.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Place {
    /// The place that a flag names, else beside the manifest.
    pub(super) async fn of(
        flag: Option<&str>,
        manifest: &ObjectName,
        config: &SdkConfig,
        store: &Store,
    ) -> Result<Self, Failed> {
        match flag {
            None => Ok(Self::Object(
                store.clone(),
                manifest.beside("verified.json"),
            )),
            Some(flag) if flag.starts_with("s3://") => {
                let name: ObjectName = flag.parse().map_err(Failed::Told)?;
                Ok(Self::Object(
                    Store::open(config, &name.bucket, None).await,
                    name,
                ))
            }
            Some(flag) => Ok(Self::File(flag.into())),
        }
    }

    /// Returns the mailboxes of a run over the same manifest that has not ended.
    pub(super) async fn unfinished(
        &self,
        manifest_sha256: &str,
    ) -> Result<BTreeMap<String, VerifiedMailbox>, Failed> {
        let read = match self {
            Self::Object(store, name) => match store.document(&name.key).await {
                Ok((_, json)) => Some(json),
                Err(Trouble::NotFound | Trouble::Damaged(_)) => None,
                // Without the right to list a bucket, S3 answers 403 for what does not exist.
                Err(Trouble::Failed(said)) => {
                    let next = format!(
                        "Allow s3:GetObject and s3:ListBucket for {self}, or pass --report FILE"
                    );
                    return Err(Failed::Told(format!("{next}: it cannot be read ({said}).")));
                }
            },
            Self::File(path) => match fs::read(path) {
                Ok(json) => Some(json),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            },
        };
        let Some(json) = read else {
            return Ok(BTreeMap::new());
        };
        let Ok(report) = VerifiedReport::parse(&json) else {
            return Err(Failed::Told(format!(
                "Move {self} away, or pass --report: it is no report of this program."
            )));
        };
        let goes_on = report.completed_at.is_none() && report.manifest_sha256 == manifest_sha256;
        let mailboxes = report.mailboxes.into_iter().filter(|_| goes_on);
        Ok(mailboxes
            .map(|mailbox| (mailbox.entity_id.clone(), mailbox))
            .collect())
    }

    pub(super) async fn write(&self, report: &VerifiedReport) -> Result<(), Failed> {
        let json = report.to_json()?;
        match self {
            Self::Object(store, name) => store.write(&name.key, json).await.map_err(|trouble| {
                let said = match trouble {
                    Trouble::NotFound => "the bucket does not exist".to_owned(),
                    Trouble::Failed(said) => said,
                    Trouble::Damaged(damage) => damage.to_string(),
                };
                Failed::Told(format!("Allow s3:PutObject on {name}, or pass --report FILE: it cannot be written ({said})."))
            }),
            Self::File(path) => {
                let new = path.with_extension("new");
                fs::write(&new, json)?;
                Ok(fs::rename(&new, path)?)
            }
        }
    }
}
