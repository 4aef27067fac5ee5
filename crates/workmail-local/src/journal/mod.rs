//! The journal of calls: what was asked, by whom, and what came of it.

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

use self::filter::Tally;
pub use self::{
    call::{Call, Outcome, Reply, Service},
    filter::CallFilter,
};

/// The calls that were waited for did not come.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{} of {wanted} calls came in {timeout:?}: {found:?}", found.len())]
pub struct WaitTimeout {
    /// How many were waited for.
    pub wanted: usize,
    /// For how long.
    pub timeout: Duration,
    /// Those that came.
    pub found: Vec<Call>,
}

/// The largest request that is kept, in bytes. The largest that the model allows is about 80 KiB.
const LARGEST_REQUEST: usize = 256 << 10;

/// The latest calls. Clones are the same journal.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    pages: Arc<Mutex<Pages>>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Pages {
    calls: VecDeque<Call>,
    /// How many bytes the calls take, about.
    bytes: usize,
    /// How many they may take.
    limit: usize,
    last: u64,
}

impl Pages {
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
            self.bytes -= oldest.size();
        }
        self.last
    }

    /// Where a call is: sequence numbers have no gaps.
    fn place(&self, sequence: u64) -> Option<usize> {
        let first = self.calls.front()?.sequence;
        usize::try_from(sequence.checked_sub(first)?).ok()
    }

    fn find(&self, sequence: u64) -> Option<&Call> {
        self.calls.get(self.place(sequence)?)
    }

    fn find_mut(&mut self, sequence: u64) -> Option<&mut Call> {
        let place = self.place(sequence)?;
        self.calls.get_mut(place)
    }

    fn since(&self, after: u64) -> impl Iterator<Item = &Call> {
        let start = self.calls.partition_point(|call| call.sequence <= after);
        self.calls.range(start..)
    }

    fn select(&self, filter: &CallFilter) -> Vec<Call> {
        self.since(filter.after)
            .filter(|call| filter.takes(call))
            .cloned()
            .collect()
    }
}

impl Journal {
    /// A journal whose calls take about `limit` bytes at most.
    pub(crate) fn new(limit: usize) -> Self {
        let pages = Pages {
            limit,
            ..Pages::default()
        };
        Self {
            pages: Arc::new(Mutex::new(pages)),
            changed: watch::Sender::new(()),
        }
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a call, which gets its sequence number here.
    pub(crate) fn enter(&self, call: Call) -> Entry {
        let sequence = self.pages().push(call);
        self.changed.send_replace(());
        Entry {
            journal: self.clone(),
            sequence,
            open: true,
        }
    }

    pub(crate) fn last(&self) -> u64 {
        self.pages().last
    }

    pub(crate) fn clear(&self) {
        let mut pages = self.pages();
        pages.calls.clear();
        pages.bytes = 0;
    }

    pub(crate) fn calls(&self, filter: &CallFilter) -> Vec<Call> {
        self.pages().select(filter)
    }

    /// Waits until `count` calls pass the filter.
    pub(crate) async fn wait(
        &self,
        filter: &CallFilter,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Call>, WaitTimeout> {
        let mut changed = self.changed.subscribe();
        let mut tally = Tally::new(filter);
        let enough = async {
            loop {
                {
                    let pages = self.pages();
                    let seen = tally.seen();
                    tally.count(|call| pages.find(call), pages.since(seen));
                    if tally.found() >= count {
                        return pages.select(filter);
                    }
                }
                if changed.changed().await.is_err() {
                    // The journal itself holds the sender: this cannot come.
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(timeout, enough)
            .await
            .map_err(|_| WaitTimeout {
                wanted: count,
                timeout,
                found: self.calls(filter),
            })
    }
}

/// A call in the journal whose reply is not final. Dropped like that, it was abandoned.
#[derive(Debug)]
pub(crate) struct Entry {
    journal: Journal,
    sequence: u64,
    open: bool,
}

impl Entry {
    pub(crate) fn update(&self, change: impl FnOnce(&mut Call)) {
        {
            let mut pages = self.journal.pages();
            let Some(call) = pages.find_mut(self.sequence) else {
                return;
            };
            let before = call.size();
            change(call);
            let after = call.size();
            pages.bytes = (pages.bytes + after).saturating_sub(before);
        }
        self.journal.changed.send_replace(());
    }

    /// Closes the entry with a final reply, and with what came of the call unless the work has
    /// said so.
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
