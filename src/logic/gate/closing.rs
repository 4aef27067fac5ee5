//! Where `closing.json` goes.

use super::{Export, Row};
use crate::{
    api::{Class, Destination, Reason},
    logic::Failure,
};

/// What is written beside the exports before the organization is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Closing {
    /// The destination of the exports.
    pub destination: Destination,
    /// Its key.
    pub key: String,
    /// The mailboxes, exported or waived.
    pub rows: Vec<Row>,
}

impl Closing {
    /// The document: beside the manifest of the organization export that the latest export belongs to; where
    /// there is none, beside the latest export. `None` without any export: there is no place for it.
    #[must_use]
    pub fn of(rows: &[Row]) -> Option<Self> {
        let exports = rows.iter().filter_map(|row| row.by.as_ref().ok());
        let latest = exports.max_by_key(|export| {
            let is_of_organization = export.controller.is_some();
            (is_of_organization, export.started_at, &export.uid)
        })?;
        let Export {
            destination,
            controller,
            uid,
            ..
        } = latest;
        let owner = controller.as_ref().unwrap_or(uid);
        let owner: String = owner.chars().take(8).collect();
        Some(Self {
            key: format!("{}/{owner}/closing.json", destination.prefix),
            destination: destination.clone(),
            rows: rows.to_vec(),
        })
    }

    /// The document could not be written, so that the organization is not deleted.
    #[must_use]
    pub fn refused(&self, failure: Failure) -> Failure {
        if failure.reason.class() == Class::Transient {
            return failure;
        }
        Failure::of(
            Reason::DeletionBlocked,
            format!(
                "Let the operator write s3://{}/{}.",
                self.destination.bucket, self.key
            ),
            failure.detail,
        )
    }
}
