//! The reconcile of a `WorkMailOrganization`: decide, apply the answer, report.
//!
//! [`decide()`] takes one [`View`] and returns one [`Action`]. The driver performs that action, applies
//! its answer to the view ([`View::apply_answer`]) and decides again. [`report()`] turns the [`Outcome`]
//! into what the status says.

mod action;
mod apply;
mod competing;
mod decide;
mod desired;
mod dns;
mod domains;
mod drift;
mod mail_domain;
mod memory;
mod observed;
mod process_memory;
mod reconcile;
mod report;
mod schedule;
mod status;
mod tags;
#[cfg(test)]
pub(super) mod testing;
mod view;

use super::{
    AccountId, ClusterIdentity, ErrorKind, Failure, ObjectKey, Operation, OrganizationId, Owner,
    OwnerName, Region, Verdict, ownership,
};

pub use action::{
    Action, Answer, Call, DeleteInput, Outcome, Phase, Read, Release, Retained, SaveAs, TagStep,
};
pub use competing::{Competitor, Participation, preferred_over};
pub use decide::{decide, forbidden, planned};
pub use desired::{Delete, Desired, Policy};
pub use domains::{DomainFacts, DomainPlan};
pub use drift::{Difference, DriftPath};
pub use mail_domain::{DomainDetails, DomainReading, MailDomain, Verification};
pub use memory::{Memory, Shown, ShownDomain};
pub use observed::{
    DnsEntry, Endpoint, Listing, Observed, Organization, OrganizationState, Presence, Reading,
    Scope, Summary, Tags,
};
pub use process_memory::{ProcessMemory, Surroundings};
pub use reconcile::{Freshness, Reconcile};
pub use report::{Report, deletion_started, domain_changed, keep, report, retained, taken};
pub use status::Recorded;
pub use tags::TagPlan;
pub use view::{Facts, Schema, View};
