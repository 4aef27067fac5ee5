//! Faults: what goes wrong between a client and the work, by rules.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::{knobs::CodedError, span::Delay};

/// Whether the work of a call is done although the call goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// The call goes wrong before anything is done.
    #[default]
    NotDone,
    /// The work is done; its answer is what goes wrong.
    Done,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// An error with a code, in the service's form.
    Error {
        /// Its name.
        code: String,
        /// Its text.
        #[serde(default)]
        message: String,
        /// The HTTP status.
        #[serde(default = "crate::knobs::bad_request")]
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// `ThrottlingException`, or another code for "slower", before the work.
    Throttle {
        /// Its name.
        #[serde(default = "crate::knobs::throttling")]
        code: String,
        /// The HTTP status.
        #[serde(default = "crate::knobs::bad_request")]
        status: u16,
    },
    /// An answer that comes from no service: an HTTP status and a page, without a code.
    Http {
        /// The HTTP status.
        status: u16,
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// No answer until it is released or the connection closes. Released, a call that was held
    /// before its work goes on with it.
    Hang {
        /// Whether the work is done before the call is held.
        #[serde(default)]
        work: Work,
    },
    /// Nothing wrong, but later. Rules after this one apply too.
    Delay {
        /// How much later, in real time.
        #[serde(rename = "for")]
        time: Delay,
    },
    /// The connection closes without an answer.
    LostReply {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// Status 200 and a body that nobody can decode.
    Garbage {
        /// Whether the work is done.
        #[serde(default)]
        work: Work,
    },
    /// The call goes well, and the organization that it creates ends in Failed. Rules after this
    /// one apply too.
    FailCreation {
        /// The organization's `ErrorMessage`.
        error_message: String,
    },
}

impl Fault {
    /// `ThrottlingException`, status 400.
    #[must_use]
    pub fn throttle() -> Self {
        Self::Throttle {
            code: crate::knobs::throttling(),
            status: 400,
        }
    }

    /// `TooManyRequestsException`, status 429.
    #[must_use]
    pub fn too_many_requests() -> Self {
        Self::Throttle {
            code: "TooManyRequestsException".to_owned(),
            status: 429,
        }
    }

    /// An error before the work, status 400.
    #[must_use]
    pub fn error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Error {
            code: code.into(),
            message: message.into(),
            status: 400,
            work: Work::NotDone,
        }
    }

    /// An HTTP status without a code, before the work.
    #[must_use]
    pub fn http(status: u16) -> Self {
        Self::Http {
            status,
            work: Work::NotDone,
        }
    }

    /// No answer, and no work before it is released.
    #[must_use]
    pub fn hang() -> Self {
        Self::Hang {
            work: Work::NotDone,
        }
    }

    /// The work is done, and then no answer before it is released.
    #[must_use]
    pub fn hang_after_work() -> Self {
        Self::Hang { work: Work::Done }
    }

    /// An answer `span` later.
    #[must_use]
    pub fn delay(span: Duration) -> Self {
        Self::Delay {
            time: Delay::fixed(span),
        }
    }

    /// The connection closes before the work.
    #[must_use]
    pub fn lost_reply_before_work() -> Self {
        Self::LostReply {
            work: Work::NotDone,
        }
    }

    /// The work is done, and the connection closes.
    #[must_use]
    pub fn lost_reply_after_work() -> Self {
        Self::LostReply { work: Work::Done }
    }

    /// A body that nobody can decode, and no work.
    #[must_use]
    pub fn garbage() -> Self {
        Self::Garbage {
            work: Work::NotDone,
        }
    }

    /// An organization that ends in Failed.
    #[must_use]
    pub fn fail_creation(error_message: impl Into<String>) -> Self {
        Self::FailCreation {
            error_message: error_message.into(),
        }
    }
}

/// A fault, and the calls that it is for. Rules are tried in the order they were added; the first
/// that decides a call's fate is the last that is tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rule {
    /// What goes wrong.
    pub fault: Fault,
    /// Only calls of this operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls for this organization, by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// Only calls for organizations of this alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Only calls of this account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only calls in this region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// So many calls pass first.
    #[serde(default)]
    pub skip: u64,
    /// At most so many calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// One call in so many, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
}

impl Rule {
    /// `fault` for every call.
    #[must_use]
    pub fn any(fault: Fault) -> Self {
        Self {
            fault,
            operation: None,
            organization_id: None,
            alias: None,
            account: None,
            region: None,
            skip: 0,
            times: None,
            probability: None,
        }
    }

    /// `fault` for calls of one operation.
    #[must_use]
    pub fn on(operation: impl Into<String>, fault: Fault) -> Self {
        Self {
            operation: Some(operation.into()),
            ..Self::any(fault)
        }
    }

    /// Only for the organization of this id.
    #[must_use]
    pub fn organization(mut self, id: impl Into<String>) -> Self {
        self.organization_id = Some(id.into());
        self
    }

    /// Only for organizations of this alias.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Only for this account.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Only in this region.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Not for the first `calls`.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// For at most `calls`.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// For one call in so many, from 0 to 1.
    #[must_use]
    pub fn probability(mut self, share: f64) -> Self {
        self.probability = Some(share);
        self
    }

    fn is_for(&self, call: &Subject<'_>) -> bool {
        let fits = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| is == Some(wanted))
        };
        fits(&self.operation, Some(call.operation))
            && fits(&self.organization_id, call.organization_id)
            && self
                .alias
                .as_deref()
                .is_none_or(|wanted| call.alias.is_some_and(|is| is.eq_ignore_ascii_case(wanted)))
            && fits(&self.account, Some(call.account))
            && fits(&self.region, Some(call.region))
    }
}

/// A rule's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleId(pub u64);

/// A rule and what has become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleView {
    /// Its number.
    pub id: RuleId,
    /// The rule as it was added.
    pub rule: Rule,
    /// How many calls it has hit.
    pub hits: u64,
    /// How many calls it holds at the moment.
    pub held: usize,
}

/// A call as rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: &'a str,
    pub(crate) organization_id: Option<&'a str>,
    pub(crate) alias: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
}

/// What the rules have in store for one call.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pub(crate) rules: Vec<RuleId>,
    pub(crate) delay: Duration,
    pub(crate) fail_creation: Option<String>,
    pub(crate) end: End,
}

/// How a call ends.
#[derive(Debug, Default)]
pub(crate) enum End {
    #[default]
    Well,
    Error(CodedError, Work),
    Http(u16, Work),
    Hang(watch::Receiver<()>, Work),
    Lost(Work),
    Garbage(Work),
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    last: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: RuleId,
    rule: Rule,
    seen: u64,
    hits: u64,
    /// Calls that hang wait for a message, or for its end.
    release: watch::Sender<()>,
}

impl Entry {
    fn strikes(&mut self, call: &Subject<'_>) -> bool {
        if !self.rule.is_for(call) || self.rule.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        self.seen += 1;
        let strikes = self.seen > self.rule.skip
            && self
                .rule
                .probability
                .is_none_or(|share| rand::random::<f64>() < share);
        self.hits += u64::from(strikes);
        strikes
    }
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        self.last += 1;
        let id = RuleId(self.last);
        let release = watch::Sender::new(());
        self.entries.push(Entry {
            id,
            rule,
            seen: 0,
            hits: 0,
            release,
        });
        id
    }

    /// Removes a rule; the calls that it holds go on.
    pub(crate) fn remove(&mut self, id: RuleId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Lets the calls go on that a rule holds, or all of them; the rules stay.
    pub(crate) fn release(&mut self, id: Option<RuleId>) -> usize {
        self.entries
            .iter()
            .filter(|entry| id.is_none_or(|id| entry.id == id))
            .map(|entry| {
                let held = entry.release.receiver_count();
                entry.release.send_replace(());
                held
            })
            .sum()
    }

    pub(crate) fn views(&self) -> Vec<RuleView> {
        self.entries
            .iter()
            .map(|entry| RuleView {
                id: entry.id,
                rule: entry.rule.clone(),
                hits: entry.hits,
                held: entry.release.receiver_count(),
            })
            .collect()
    }

    /// What becomes of a call. Counts as a hit of every rule that has a part in it.
    pub(crate) fn fate(&mut self, call: &Subject<'_>) -> Fate {
        let mut fate = Fate::default();
        for entry in &mut self.entries {
            if !entry.strikes(call) {
                continue;
            }
            fate.rules.push(entry.id);
            fate.end = match entry.rule.fault.clone() {
                Fault::Delay { time } => {
                    fate.delay += time.draw();
                    continue;
                }
                Fault::FailCreation { error_message } => {
                    fate.fail_creation = Some(error_message);
                    continue;
                }
                Fault::Error {
                    code,
                    message,
                    status,
                    work,
                } => End::Error(
                    CodedError {
                        code,
                        message,
                        status,
                    },
                    work,
                ),
                Fault::Throttle { code, status } => {
                    let message = "Rate exceeded".to_owned();
                    End::Error(
                        CodedError {
                            code,
                            message,
                            status,
                        },
                        Work::NotDone,
                    )
                }
                Fault::Http { status, work } => End::Http(status, work),
                Fault::Hang { work } => End::Hang(entry.release.subscribe(), work),
                Fault::LostReply { work } => End::Lost(work),
                Fault::Garbage { work } => End::Garbage(work),
            };
            break;
        }
        fate
    }
}

#[cfg(test)]
mod tests;
