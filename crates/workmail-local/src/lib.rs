//! A local endpoint that speaks the Amazon WorkMail API.
//!
//! It answers the service's wire protocol on a loopback port, checks every request against the
//! service's own model, and keeps its state in memory. What no source decides about the service
//! is a [knob](Knobs); what goes wrong on the way to a service is a [fault](Fault); what was asked
//! is in the [journal](Call).
//!
//! A request passes these layers, each of which knows only those below it:
//!
//! | layer | what it does |
//! | --- | --- |
//! | `server` | listens, and closes connections that get no answer |
//! | `wire` | signature, framing, errors in the service's form, faults, journal |
//! | `control` | the same vocabulary over HTTP, under `/_control` |
//! | `operations` | one function for each operation of the service |
//! | `state` | organizations, directories, aliases, tokens, and how they change with time |
//! | `contract` | the operations, members and bounds of the service's model |
//!
//! ```no_run
//! use std::time::Duration;
//! use workmail_local::{CallFilter, Config, Fault, Knobs, Rule, Server};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(Config::with_knobs(Knobs::immediate())).await?;
//! server.fault(Rule::on("CreateOrganization", Fault::lost_reply_after_work()).times(1));
//! // ... a client works against server.url() ...
//! let creates = CallFilter::on("CreateOrganization").completed();
//! let calls = server.wait_for_calls(&creates, 2, Duration::from_secs(10)).await?;
//! assert_eq!(calls.iter().filter(|call| call.effect).count(), 1);
//! # Ok(())
//! # }
//! ```

#![allow(clippy::doc_markdown, reason = "WorkMail is a name, not code")]

mod clock;
mod config;
mod contract;
mod control;
mod endpoint;
mod faults;
mod ids;
mod journal;
mod knobs;
mod operations;
mod seeds;
mod server;
mod span;
mod state;
mod views;
mod wire;
mod words;

pub use clock::Clock;
pub use config::{Config, ConfigError};
pub use endpoint::Endpoint;
pub use faults::{Fault, Rule, RuleId, RuleView, Work};
pub use jiff::Timestamp;
pub use journal::{Call, CallFilter, Outcome, Reply, Service, WaitTimeout};
pub use knobs::{
    AliasReuse, AliasScope, AwsTagKeys, CodedError, ConstraintError, ConstraintText, DeleteAnswer,
    DirectoryTypes, DomainRemovalError, DomainScope, EnabledUsersError, EndAnswer, KnobError,
    Knobs, KnownIdentities, ListOrder, MissingRights, RecordKind, SharedDirectory, TagAccess,
    TakenDomain, TestDomainRecords, Throttle, TokenAfterDeletion, TokenMismatch, TwoFilters,
    UnknownDomainRemoval, UnsignedDefault,
};
pub use seeds::{
    Credential, DirectoryKind, OrganizationChange, Refusal, SeedDirectory, SeedDomain, SeedError,
    SeedIdentity, SeedOrganization, SeedUser, SeedZone, Seeds, UserRole, UserState,
};
pub use server::{Server, ServerError};
pub use span::{Delay, Lifetime, Span, SpanError};
pub use views::{DirectoryView, DomainView, OrganizationView, UserView};
