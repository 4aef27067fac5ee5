//! The values of knobs for mail domains.

use serde::{Deserialize, Serialize};

/// Where a mail domain has one organization at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainScope {
    /// Among all accounts and regions.
    Global,
    /// In all regions of one account.
    Account,
    /// In one region of one account.
    Region,
}

/// CreateOrganization with a domain of another organization. The operation declares no exception
/// of its own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TakenDomain {
    /// The call is accepted; the organization is Failed in the end, with an `ErrorMessage`.
    FailLater,
    /// `InvalidParameterException`.
    InvalidParameter,
}

/// RegisterMailDomain of a name whose identity in SES is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnownIdentities {
    /// The domain is verified at once.
    Verified,
    /// It is verified as any other.
    Pending,
}

/// UpdateDefaultMailDomain while ownership is VERIFIED and DKIM is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsignedDefault {
    /// `MailDomainStateException`.
    Refuse,
    /// It becomes the default.
    Accept,
}

/// DeregisterMailDomain of a domain that has to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DomainRemovalError {
    /// As if somebody used it.
    MailDomainInUseException,
    /// As if a parameter were wrong.
    InvalidParameterException,
    /// As if the organization's state forbade it.
    OrganizationStateException,
}

/// DeregisterMailDomain of a domain that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownDomainRemoval {
    /// It is well: the domain is not there.
    Succeed,
    /// `MailDomainNotFoundException`, which the model does not declare there.
    NotFound,
}

/// The records that GetMailDomain gives for the test domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestDomainRecords {
    /// None.
    Empty,
    /// Those of any other domain.
    Full,
}

/// A record of a domain, or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// MX: where mail goes.
    Mx,
    /// TXT `_amazonses`: the ownership.
    Ownership,
    /// CNAME `autodiscover`.
    Autodiscover,
    /// Three CNAME `_domainkey`.
    Dkim,
    /// TXT: who may send.
    Spf,
    /// TXT `_dmarc`.
    Dmarc,
}

impl RecordKind {
    /// All of them as seen at the service.
    pub(crate) const ALL: [Self; 6] = [
        Self::Mx,
        Self::Ownership,
        Self::Autodiscover,
        Self::Dkim,
        Self::Spf,
        Self::Dmarc,
    ];
}
