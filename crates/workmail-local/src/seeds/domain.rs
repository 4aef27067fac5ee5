//! Mail domains, and what SES knows of them.

use serde::{Deserialize, Serialize};

use crate::{ids::ACCOUNT, words};

/// A mail domain of an organization that is seeded or changed.
///
/// In a seed, a status that is left out is `VERIFIED`. In a change it stays as it is, and a domain
/// that was not there begins as a registered one does. Statuses that are given stay until another
/// change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedDomain {
    /// Its name, without regard to case.
    pub name: String,
    /// `PENDING`, `VERIFIED`, `FAILED`, or a word that no source knows.
    pub ownership: Option<String>,
    /// As `ownership`.
    pub dkim: Option<String>,
    /// Its hosted zone.
    pub hosted_zone_id: Option<String>,
    /// Whether the receipt rule of SES has settings that WorkMail cannot write back:
    /// `InvalidCustomSesConfigurationException`.
    pub custom_ses: Option<bool>,
}

impl SeedDomain {
    /// One whose statuses are left out.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same, ownership and DKIM verified.
    #[must_use]
    pub fn verified(self) -> Self {
        self.ownership(words::VERIFIED).dkim(words::VERIFIED)
    }

    /// The same, ownership and DKIM pending.
    #[must_use]
    pub fn pending(self) -> Self {
        self.ownership(words::PENDING).dkim(words::PENDING)
    }

    /// The same, ownership and DKIM failed.
    #[must_use]
    pub fn failed(self) -> Self {
        self.ownership(words::FAILED_DOMAIN)
            .dkim(words::FAILED_DOMAIN)
    }

    /// The same, with an ownership status.
    #[must_use]
    pub fn ownership(mut self, word: impl Into<String>) -> Self {
        self.ownership = Some(word.into());
        self
    }

    /// The same, with a DKIM status.
    #[must_use]
    pub fn dkim(mut self, word: impl Into<String>) -> Self {
        self.dkim = Some(word.into());
        self
    }

    /// The same, with settings in SES that WorkMail cannot write back.
    #[must_use]
    pub fn with_custom_ses(mut self) -> Self {
        self.custom_ses = Some(true);
        self
    }
}

/// An identity of SES that is verified already: a domain of this name is verified once it is
/// registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedIdentity {
    /// The domain.
    pub name: String,
    /// The account that has it.
    #[serde(default = "account")]
    pub account: String,
    /// The region that it is in.
    #[serde(default = "region")]
    pub region: String,
}

fn account() -> String {
    ACCOUNT.to_owned()
}

fn region() -> String {
    "us-east-1".to_owned()
}

impl SeedIdentity {
    /// One of the default account in us-east-1.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            account: account(),
            region: region(),
        }
    }
}
