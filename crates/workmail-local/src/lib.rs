//! A local endpoint that speaks the Amazon WorkMail API.
//!
//! The endpoint answers the service's wire protocol on a loopback port, checks every request
//! against the service's model, and keeps its state in memory. A [knob](Knobs) sets behaviour of
//! the service that no source decides. A [fault](Fault) makes calls go wrong. The
//! [journal](Call) records every call.
//!
//! A module uses only modules below it in this table:
//!
//! | module | purpose |
//! | --- | --- |
//! | `server` | listens, and closes connections that get no answer |
//! | `control` | the control API: HTTP under `/_control` |
//! | `wire` | signatures, framing, errors in the form of the service, faults, journal |
//! | `export` | writes the archives of export jobs to S3 |
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
//! // ... a client calls server.url() ...
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
mod export;
mod faults;
mod ids;
mod journal;
mod knobs;
mod operations;
mod seeds;
mod server;
mod span;
mod state;
mod states;
mod views;
mod wire;

pub use clock::Clock;
pub use config::{Config, ConfigError};
pub use endpoint::Endpoint;
pub use export::S3Target;
pub use faults::{ExportCause, Fault, Rule, RuleId, RuleView, Work};
pub use jiff::Timestamp;
pub use journal::{Call, CallFilter, Outcome, Reply, Service, WaitTimeout};
pub use knobs::{
    AccountLimits, AliasReuse, AliasScope, EnabledUsersError, ExportLog, KnobError, Knobs,
    SharedDirectory, Throttle,
};
pub use seeds::{
    Credential, DirectoryKind, EntityChange, EntityState, Metadata, OrganizationChange, Refusal,
    ResourceType, SeedDirectory, SeedDomain, SeedError, SeedGroup, SeedOrganization, SeedResource,
    SeedRole, SeedUser, SeedZone, Seeds, UserRole,
};
pub use server::{Server, ServerError};
pub use span::{Delay, Lifetime, Span, SpanError};
pub use state::ExportState;
pub use views::{
    DirectoryView, DomainView, EntityKind, EntityView, ExportView, OrganizationView, SessionView,
};
