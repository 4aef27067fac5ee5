//! The operator's judgement, as pure functions over values.
//!
//! [`decide()`] takes one [`View`] and gives one [`Action`]; the driver takes that action, folds the
//! answer into the view ([`View::fold`]) and decides again; [`report()`] turns the [`Outcome`] into
//! what the status says. Nothing here knows a client, a clock or a task, and every value can be
//! cloned, compared and hashed, so that a model checker can drive these functions unchanged.

mod action;
mod decide;
mod desired;
mod dns;
mod domains;
mod drift;
mod failure;
mod fold;
mod mail_domain;
mod memory;
mod observed;
mod ownership;
mod report;
mod retry;
mod rivals;
mod tags;
#[cfg(test)]
mod testing;
mod text;
mod view;

pub use action::{
    Action, Answer, Call, DeleteInput, Look, Outcome, Phase, Release, Retained, SaveAs, TagStep,
};
pub use decide::{decide, planned};
pub use desired::{Delete, Desired, ObjectKey, Policy};
pub use domains::{DomainFacts, DomainPlan};
pub use failure::{Failure, Operation, Trouble};
pub use mail_domain::{DomainDetails, DomainSight, MailDomain, Verification};
pub use memory::{Memory, Shown, ShownDomain, remembered};
pub use observed::{
    AccountId, DnsEntry, Endpoint, Listing, Observed, Organization, OrganizationId,
    OrganizationState, Presence, Region, Scope, Sight, Summary, Tags,
};
pub use ownership::{ClusterIdentity, Owner, OwnerName};
pub use report::{
    Note, NoteKind, Report, Verdict, deletion_started, keep, report, retained, taken,
};
pub use retry::Retry;
pub use rivals::{Claimant, Stance, rival};
pub use tags::TagPlan;
pub use view::{Facts, Schema, View};
