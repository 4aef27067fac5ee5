//! Faults: rules that make calls go wrong between the client and the work.

mod export;
mod fault;
mod rule;

use std::time::Duration;

use tokio::sync::watch;

pub use self::{
    export::ExportCause,
    fault::{Fault, Work},
    rule::{Rule, RuleId, RuleView},
};
pub(crate) use self::{export::ExportEnd, rule::CallInfo};

/// The text of an error that asks the client to slow down.
pub(crate) const RATE_EXCEEDED: &str = "Rate exceeded";

/// What the rules do to one call.
#[derive(Debug, Default)]
pub(crate) struct Injected {
    /// The rules that apply.
    pub(crate) rules: Vec<RuleId>,
    /// How long the call waits before its work.
    pub(crate) delay: Duration,
    /// The error message of the organization that the call creates.
    pub(crate) fail_creation: Option<String>,
    /// How the export job ends that the call starts.
    pub(crate) export_end: Option<ExportEnd>,
    pub(crate) end: End,
}

/// How a call ends.
#[derive(Debug, Default)]
pub(crate) enum End {
    #[default]
    Normal,
    Error {
        code: String,
        message: String,
        status: u16,
        work: Work,
    },
    Http(u16, Work),
    /// The call is held until the receiver gets a message or its sender is dropped.
    Hang(watch::Receiver<()>, Work),
    LostReply(Work),
    Garbage(Work),
}

/// All rules.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    last_id: u64,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    id: RuleId,
    rule: Rule,
    /// How many calls the rule has matched.
    matched: u64,
    hits: u64,
    /// Releases the calls that the rule holds, by a message or by its drop.
    release: watch::Sender<()>,
}

impl Entry {
    /// Decides whether the rule applies to a call, and counts the call.
    fn applies(&mut self, call: &CallInfo<'_>) -> bool {
        let is_used_up = self.rule.times.is_some_and(|times| self.hits >= times);
        if is_used_up || !self.rule.matches(call) {
            return false;
        }
        self.matched += 1;
        let probability = self.rule.probability.unwrap_or(1.0);
        let applies = self.matched > self.rule.skip && rand::random::<f64>() < probability;
        self.hits += u64::from(applies);
        applies
    }

    /// Returns how the fault ends a call, or `None` if later rules decide that.
    fn end(&self) -> Option<End> {
        Some(match self.rule.fault.clone() {
            Fault::Delay { .. }
            | Fault::FailCreation { .. }
            | Fault::FailExport { .. }
            | Fault::HangExport => return None,
            Fault::Error {
                code,
                message,
                status,
                work,
            } => End::Error {
                code,
                message,
                status,
                work,
            },
            Fault::Throttle { code, status } => End::Error {
                code,
                message: RATE_EXCEEDED.to_owned(),
                status,
                work: Work::NotDone,
            },
            Fault::Http { status, work } => End::Http(status, work),
            Fault::Hang { work } => End::Hang(self.release.subscribe(), work),
            Fault::LostReply { work } => End::LostReply(work),
            Fault::Garbage { work } => End::Garbage(work),
        })
    }
}

impl Faults {
    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        self.last_id += 1;
        let id = RuleId(self.last_id);
        self.entries.push(Entry {
            id,
            rule,
            matched: 0,
            hits: 0,
            release: watch::Sender::new(()),
        });
        id
    }

    /// Removes a rule, and releases the calls that it holds. Returns whether it was there.
    pub(crate) fn remove(&mut self, id: RuleId) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.id != id);
        self.entries.len() < before
    }

    /// Removes all rules, and releases all calls.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Releases the calls that one rule or all rules hold, and returns their number. The rules
    /// stay.
    pub(crate) fn release(&mut self, id: Option<RuleId>) -> usize {
        let mut released = 0;
        for entry in &self.entries {
            if id.is_none_or(|id| entry.id == id) {
                released += entry.release.receiver_count();
                entry.release.send_replace(());
            }
        }
        released
    }

    pub(crate) fn views(&self) -> Vec<RuleView> {
        let view = |entry: &Entry| RuleView {
            id: entry.id,
            rule: entry.rule.clone(),
            hits: entry.hits,
            held: entry.release.receiver_count(),
        };
        self.entries.iter().map(view).collect()
    }

    /// Decides what the rules do to a call, and counts the call.
    pub(crate) fn inject(&mut self, call: &CallInfo<'_>) -> Injected {
        let mut injected = Injected::default();
        for entry in &mut self.entries {
            if !entry.applies(call) {
                continue;
            }
            injected.rules.push(entry.id);
            match &entry.rule.fault {
                Fault::Delay { span } => injected.delay += span.0,
                Fault::FailCreation { error_message } => {
                    injected.fail_creation = Some(error_message.clone());
                }
                Fault::FailExport { cause, error_info } => {
                    let told = error_info.clone().map(ExportEnd::Fail);
                    injected.export_end = Some(told.unwrap_or(ExportEnd::Cause(*cause)));
                }
                Fault::HangExport => injected.export_end = Some(ExportEnd::Hang),
                Fault::Error { .. }
                | Fault::Throttle { .. }
                | Fault::Http { .. }
                | Fault::Hang { .. }
                | Fault::LostReply { .. }
                | Fault::Garbage { .. } => {}
            }
            if let Some(end) = entry.end() {
                injected.end = end;
                break;
            }
        }
        injected
    }
}

#[cfg(test)]
mod tests;
