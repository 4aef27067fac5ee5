//! What was seen of an organization's mail domains.

use std::collections::BTreeMap;

use crate::api::DnsRecord;

/// How far the verification of a mail domain is. AWS documents it as an open string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Verification {
    /// The DNS records were not seen yet.
    Pending,
    /// They were seen.
    Verified,
    /// They were not seen in the time AWS gives.
    Failed,
    /// A word this version does not know, or none.
    Other(String),
}

impl Verification {
    /// AWS's own word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "PENDING",
            Self::Verified => "VERIFIED",
            Self::Failed => "FAILED",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for Verification {
    fn from(word: &str) -> Self {
        match word {
            "PENDING" => Self::Pending,
            "VERIFIED" => Self::Verified,
            "FAILED" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A mail domain of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MailDomain {
    /// New addresses are proposed in it.
    pub is_default: bool,
    /// It is the organization's own under awsapps.com.
    pub is_test_domain: bool,
    /// What `GetMailDomain` says besides; `None` while only the list was read.
    pub details: Option<DomainDetails>,
}

/// What `GetMailDomain` says of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainDetails {
    /// Whether its ownership is verified.
    pub ownership: Verification,
    /// Whether DKIM is verified.
    pub dkim: Verification,
    /// The DNS records to publish.
    pub records: Vec<DnsRecord>,
}

impl MailDomain {
    /// Whether mail of the domain can be sent and received: both are verified, or it is AWS's own.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.is_test_domain
            || self.details.as_ref().is_some_and(|seen| {
                seen.ownership == Verification::Verified && seen.dkim == Verification::Verified
            })
    }

    /// Whether AWS has given up on it.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.details.as_ref().is_some_and(|seen| {
            seen.ownership == Verification::Failed || seen.dkim == Verification::Failed
        })
    }

    /// Whether its verification is waited for.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.details.is_some() && !self.is_verified() && !self.has_failed()
    }
}

/// What was read of an organization's mail domains.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DomainReading {
    /// Each domain that was read; `None` for one that is not there.
    pub domains: BTreeMap<String, Option<MailDomain>>,
    /// Whether the list was read, so that a domain that is missing here is not there.
    pub complete: bool,
}
