//! Mail domains.

use serde::Deserialize;

use crate::states;

/// A mail domain of an organization that is seeded or changed.
///
/// In a seed, a status that is left out is `VERIFIED`. In a change, it keeps its value, and a new
/// domain starts as a registered one does. A status that is given keeps its value until another
/// change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedDomain {
    /// The name, in any case.
    pub name: String,
    /// `PENDING`, `VERIFIED`, `FAILED`, or a word that the model does not have.
    pub ownership: Option<String>,
    /// As `ownership`.
    pub dkim: Option<String>,
    /// Whether the receipt rule of SES has settings that WorkMail cannot save:
    /// `InvalidCustomSesConfigurationException`.
    pub custom_ses: Option<bool>,
}

impl SeedDomain {
    /// Returns a domain without statuses.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Returns the same domain with ownership and DKIM verified.
    #[must_use]
    pub fn verified(self) -> Self {
        self.ownership(states::VERIFIED).dkim(states::VERIFIED)
    }

    /// Returns the same domain with ownership and DKIM pending.
    #[must_use]
    pub fn pending(self) -> Self {
        self.ownership(states::PENDING).dkim(states::PENDING)
    }

    /// Returns the same domain with ownership and DKIM failed.
    #[must_use]
    pub fn failed(self) -> Self {
        self.ownership(states::VERIFICATION_FAILED)
            .dkim(states::VERIFICATION_FAILED)
    }

    /// Returns the same domain with an ownership status.
    #[must_use]
    pub fn ownership(mut self, status: impl Into<String>) -> Self {
        self.ownership = Some(status.into());
        self
    }

    /// Returns the same domain with a DKIM status.
    #[must_use]
    pub fn dkim(mut self, status: impl Into<String>) -> Self {
        self.dkim = Some(status.into());
        self
    }

    /// Returns the same domain with settings in SES that WorkMail cannot save.
    #[must_use]
    pub fn with_custom_ses(mut self) -> Self {
        self.custom_ses = Some(true);
        self
    }
}
