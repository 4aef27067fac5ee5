//! The journal of calls: what was asked, by whom, and the result.

mod call;
mod filter;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

pub use self::{
    call::{Call, Outcome, Reply, Service},
    filter::CallFilter,
};

/// A wait for calls that did not arrive in time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} of {wanted} calls arrived in {timeout:?}: {found:?}", found.len())]
pub struct WaitTimeout {
    /// How many calls were waited for.
    pub wanted: usize,
    /// How long the wait was.
    pub timeout: Duration,
    /// The calls that arrived.
    pub found: Vec<Call>,
}

/// The largest request that is kept, in bytes. The largest that the model allows is about 80 KiB.
const LARGEST_REQUEST: usize = 256 << 10;

/// How often a wait counts calls at most, so that its cost stays small while many calls arrive.
const COUNT_INTERVAL: Duration = Duration::from_millis(5);

/// The latest calls. A clone is the same journal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    log: Arc<Mutex<Log>>,
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Log {
    calls: VecDeque<Call>,
    /// About how many bytes of memory the calls take.
    bytes: usize,
    /// How many bytes they may take.
    limit: usize,
    last: u64,
}

impl Log {
    /// Adds a call, and removes the oldest calls until the rest is within the limit.
    fn push(&mut self, mut call: Call) -> u64 {
        let size = call::size_of_value(&call.request);
        if size > LARGEST_REQUEST {
            call.request = Value::from(format!("not kept: about {size} bytes"));
        }
        self.last += 1;
        call.sequence = self.last;
        self.bytes += call.size();
        self.calls.push_back(call);
        while self.bytes > self.limit
            && let Some(oldest) = self.calls.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.size());
        }
        self.last
    }

    /// Changes a call that is still there.
    fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Call)) {
        // Sequence numbers have no gaps.
        let first = self.calls.front().map_or(0, |call| call.sequence);
        let place = sequence
            .checked_sub(first)
            .and_then(|place| usize::try_from(place).ok());
        if let Some(call) = place.and_then(|place| self.calls.get_mut(place)) {
            let before = call.size();
            change(call);
            self.bytes = (self.bytes + call.size()).saturating_sub(before);
        }
    }

    fn matching(&self, filter: &CallFilter) -> impl Iterator<Item = &Call> {
        let start = self
            .calls
            .partition_point(|call| call.sequence <= filter.after);
        self.calls
            .range(start..)
            .filter(|call| filter.matches(call))
    }
}

impl Journal {
    /// Returns a journal whose calls take at most about `limit` bytes of memory.
    pub(crate) fn new(limit: usize) -> Self {
        let log = Log {
            calls: VecDeque::new(),
            bytes: 0,
            limit,
            last: 0,
        };
        Self {
            log: Arc::new(Mutex::new(log)),
            changed: watch::Sender::new(()),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call, and gives it its sequence number.
    pub(crate) fn add(&self, call: Call) -> Entry {
        let sequence = self.log().push(call);
        self.changed.send_replace(());
        Entry {
            journal: self.clone(),
            sequence,
            open: true,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.log().last
    }

    pub(crate) fn clear(&self) {
        let mut log = self.log();
        log.calls.clear();
        log.bytes = 0;
    }

    pub(crate) fn calls(&self, filter: &CallFilter) -> Vec<Call> {
        self.log().matching(filter).cloned().collect()
    }

    /// Waits until the filter matches `count` calls, and returns them.
    pub(crate) async fn wait(
        &self,
        filter: &CallFilter,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Call>, WaitTimeout> {
        let mut changed = self.changed.subscribe();
        let enough = async {
            while self.log().matching(filter).count() < count {
                // The journal holds the sender, so that the channel stays open.
                let _changed = changed.changed().await;
                tokio::time::sleep(COUNT_INTERVAL).await;
            }
        };
        let in_time = tokio::time::timeout(timeout, enough).await;
        let found = self.calls(filter);
        match in_time {
            Ok(()) => Ok(found),
            Err(_) => Err(WaitTimeout {
                wanted: count,
                timeout,
                found,
            }),
        }
    }
}

/// A call in the journal whose reply is not final. When it is dropped, the call was abandoned.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    sequence: u64,
    open: bool,
}

impl Entry {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Call)) {
        self.journal.log().change(self.sequence, change);
        self.journal.changed.send_replace(());
    }

    /// Sets the final reply. `outcome` counts if the work has not set one.
    pub(crate) fn close(mut self, reply: Reply, status: Option<u16>, outcome: Option<Outcome>) {
        self.end(reply, status, outcome);
    }

    fn end(&mut self, reply: Reply, status: Option<u16>, outcome: Option<Outcome>) {
        self.open = false;
        self.update(|call| {
            call.reply = reply;
            call.status = status;
            call.completed_at = Some(Timestamp::now());
            if call.outcome == Outcome::Pending {
                call.outcome = outcome.unwrap_or(Outcome::NotDone);
            }
        });
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.open {
            self.end(Reply::Abandoned, None, None);
        }
    }
}

#[cfg(test)]
mod tests;
