//! Proof that the mail is out: what an exported zip has, whether it is whole, and the documents about it.
//!
//! Nothing here knows a client, a task or a clock. Bytes are asked for by range ([`Inspection`], [`Directory`])
//! or taken in order ([`Pass`]); who reads them is not its concern.

mod closing;
mod contents;
mod count;
mod directory;
mod entry;
mod log;
mod manifest;
mod mbox;
mod pass;
mod paths;
mod report;
mod time;
mod verdict;

pub use closing::{Closing, ClosingMailbox, Counted, Deletion, Required, Stays};
pub use contents::{Contents, Inspection};
pub use count::{Count, Kind};
pub use directory::{Damage, Directory};
pub use entry::{Entry, Method};
pub use log::{LONGEST_LOG, Log};
pub use manifest::{
    Destination, Export, FORMAT_VERSION, FormatError, Mailbox, Manifest, Object, Organization,
    Waiver,
};
pub use mbox::Quoting;
pub use pass::{Broken, Pass, Sink};
pub use paths::Paths;
pub use report::{
    Counts, Finding, FindingReason, FolderCount, MOST_FINDINGS, VerifiedMailbox, VerifiedReport,
};
pub use verdict::{
    Head, LEAST_JUDGED, Trouble, Verdict, VerdictReason, Verified, judge, judge_head, ratio_percent,
};

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;
