//! The queue of an organization: which mailbox is exported next.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use k8s_openapi::jiff::Timestamp;

use super::ObjectKey;

/// As many jobs of one organization run at once (WorkMail administrator guide, "Exporting mailbox
/// content").
pub const MOST_JOBS: usize = 10;

/// The order in which mailboxes are exported, the first first: what is lost soonest, then the largest, so
/// that the last round is short.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    is_kept: bool,
    disabled_at: Option<Timestamp>,
    bytes: Reverse<Option<u64>>,
}

impl Rank {
    /// Returns the rank of a mailbox of this size that was disabled then.
    #[must_use]
    pub const fn of(disabled_at: Option<Timestamp>, bytes: Option<u64>) -> Self {
        Self {
            is_kept: disabled_at.is_none(),
            disabled_at,
            bytes: Reverse(bytes),
        }
    }
}

/// What a slot is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Task {
    /// The description of the job.
    pub description: String,
    /// The user or resource.
    pub entity: String,
}

/// What holds a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Holder {
    /// The UID of its organization export.
    export: Option<String>,
    task: Task,
}

/// What waits for a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiter {
    rank: Rank,
    /// The UID of its organization export.
    export: Option<String>,
    /// How many slots that export may have.
    parallelism: usize,
}

/// The slots of one organization and who waits for one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Queue {
    holders: BTreeMap<ObjectKey, Holder>,
    waiting: BTreeMap<ObjectKey, Waiter>,
    /// Jobs that others run there, as the last listing showed them.
    others: usize,
}

impl Queue {
    /// Notes that a job of this object runs or may run: it holds a slot, granted or not.
    pub fn hold(&mut self, object: &ObjectKey, export: Option<&str>, task: Task) {
        self.waiting.remove(object);
        let holder = Holder {
            export: export.map(str::to_owned),
            task,
        };
        self.holders.insert(object.clone(), holder);
    }

    /// Asks for a slot. Granted unless all are taken, `export` has as many as `parallelism` already, as
    /// many mailboxes that go first wait as there are slots, or another object exports the mailbox: AWS
    /// would refuse a second job.
    pub fn ask(
        &mut self,
        object: &ObjectKey,
        rank: &Rank,
        (export, parallelism): (Option<&str>, usize),
        task: Task,
    ) -> bool {
        if self.holders.contains_key(object) {
            return true;
        }
        let waiter = Waiter {
            rank: rank.clone(),
            export: export.map(str::to_owned),
            parallelism,
        };
        let waiting = self.waiting.iter().filter(|(other, before)| {
            *other != object && (&before.rank, *other) < (rank, object) && self.may_have(before)
        });
        let mut holders = self.holders.values();
        let is_exported = holders.any(|holder| holder.task.entity == task.entity);
        let is_granted = !is_exported && self.free() > waiting.count() && self.may_have(&waiter);
        if is_granted {
            self.hold(object, export, task);
        } else {
            self.waiting.insert(object.clone(), waiter);
        }
        is_granted
    }

    /// Whether its export has fewer slots than it may have.
    fn may_have(&self, waiter: &Waiter) -> bool {
        waiter.export.is_none() || self.holders_of(waiter.export.as_deref()) < waiter.parallelism
    }

    /// Gives back what the object holds, and its place among those who wait. Returns who may have a slot
    /// now: as many as are free.
    pub fn leave(&mut self, object: &ObjectKey) -> Vec<ObjectKey> {
        let has_waited = self.waiting.remove(object).is_some();
        if self.holders.remove(object).is_none() && !has_waited {
            return Vec::new();
        }
        let free = self.free();
        if free == 0 {
            return Vec::new();
        }
        let waiting = self.waiting.iter();
        let mut next: Vec<_> = waiting
            .filter(|(_, waiter)| self.may_have(waiter))
            .collect();
        next.sort_by_key(|(object, waiter)| (&waiter.rank, *object));
        next.truncate(free);
        next.into_iter().map(|(object, _)| object.clone()).collect()
    }

    /// Takes note of the jobs that others run.
    pub const fn see_others(&mut self, others: usize) {
        self.others = others;
    }

    /// How many slots are free.
    #[must_use]
    pub fn free(&self) -> usize {
        MOST_JOBS.saturating_sub(self.holders.len() + self.others)
    }

    /// How many slots an export has.
    #[must_use]
    pub fn holders_of(&self, export: Option<&str>) -> usize {
        let holders = self.holders.values();
        holders
            .filter(|holder| holder.export.as_deref() == export)
            .count()
    }

    /// The descriptions of the jobs that slots are held for.
    #[must_use]
    pub fn held(&self) -> BTreeSet<String> {
        let holders = self.holders.values();
        holders
            .map(|holder| holder.task.description.clone())
            .collect()
    }

    /// Whether nobody holds a slot or waits for one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.holders.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str) -> ObjectKey {
        ObjectKey {
            namespace: "mail".into(),
            name: name.into(),
            uid: name.into(),
        }
    }

    fn ask(queue: &mut Queue, name: &str, bytes: u64, parallelism: usize) -> bool {
        let rank = Rank::of(None, Some(bytes));
        queue.ask(&object(name), &rank, (Some("e"), parallelism), task(name))
    }

    fn task(name: &str) -> Task {
        Task {
            description: name.to_owned(),
            entity: name.to_owned(),
        }
    }

    #[test]
    fn two_objects_do_not_export_one_mailbox_at_once() {
        let mut queue = Queue::default();
        let rank = Rank::of(None, None);
        assert!(queue.ask(&object("a"), &rank, (None, 10), task("ada")));
        assert!(!queue.ask(&object("b"), &rank, (None, 10), task("ada")));
        assert_eq!(queue.leave(&object("a")), [object("b")]);
        assert!(queue.ask(&object("b"), &rank, (None, 10), task("ada")));
    }

    #[test]
    fn as_many_are_woken_as_there_are_slots_and_those_that_go_first() {
        let mut queue = Queue::default();
        for n in 0..10 {
            assert!(ask(&mut queue, &format!("run{n}"), 1, 10));
        }
        for n in 0..100 {
            assert!(!ask(&mut queue, &format!("wait{n:02}"), n, 10));
        }
        assert_eq!(queue.leave(&object("run0")), [object("wait99")]);
        assert_eq!(
            queue.leave(&object("wait99")),
            [object("wait98")],
            "one that cannot go on leaves its turn to the next"
        );
    }

    #[test]
    fn at_most_ten_slots_are_given_and_the_jobs_of_others_count() {
        let mut queue = Queue::default();
        queue.see_others(3);
        let given = (0..20)
            .filter(|n| ask(&mut queue, &format!("o{n:02}"), 1, 10))
            .count();
        assert_eq!(given, 7);
        assert_eq!(queue.free(), 0);
    }

    #[test]
    fn an_export_has_no_more_slots_than_its_parallelism_and_leaves_the_rest_to_others() {
        let mut queue = Queue::default();
        assert!(ask(&mut queue, "a", 1, 1));
        assert!(!ask(&mut queue, "b", 1, 1));
        let rank = Rank::of(None, None);
        assert!(queue.ask(&object("c"), &rank, (None, 10), task("c")));
        assert_eq!(queue.leave(&object("a")), [object("b")]);
        assert!(ask(&mut queue, "b", 1, 1));
    }

    #[test]
    fn what_is_lost_soonest_goes_first_and_then_the_largest() {
        let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let mut ranks = [
            ("unknown", Rank::of(None, None)),
            ("small", Rank::of(None, Some(1))),
            ("large", Rank::of(None, Some(9))),
            ("late", Rank::of(Some(day(9)), Some(1))),
            ("soon", Rank::of(Some(day(2)), None)),
        ];
        ranks.sort_by_key(|(_, rank)| rank.clone());
        let order: Vec<_> = ranks.iter().map(|(name, _)| *name).collect();
        assert_eq!(order, ["soon", "late", "large", "small", "unknown"]);
    }

    #[test]
    fn the_last_slot_is_kept_for_the_one_that_goes_first() {
        let mut queue = Queue::default();
        queue.see_others(10);
        assert!(!ask(&mut queue, "large", 9, 10));
        queue.see_others(9);
        assert!(!ask(&mut queue, "small", 1, 10));
        assert!(ask(&mut queue, "large", 9, 10));
    }
}
