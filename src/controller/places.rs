//! The places of the reconciles under way, shared fairly by accounts and namespaces.
//!
//! Whoever waits gets a place in turn: one of each account and namespace after the other. A reconcile that
//! waits for AWS for long does not keep others waiting: after [`LENT`], its place is lent to another
//! account.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

/// A place that is held for longer is lent to another account.
const LENT: Duration = Duration::from_secs(1);
/// Together with those that are lent, there are at most this many times as many places.
const MOST: usize = 4;

/// Whom a place is for: the account, where there is one, and the namespace.
pub(super) type Whose = (Option<Arc<str>>, Arc<str>);

/// All places.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many there are. None before the first reconcile may begin.
    places: usize,
    /// Those that are taken, in the order in which they were: for which account, and since when.
    taken: BTreeMap<u64, (Option<Arc<str>>, Instant)>,
    /// How many each account has taken.
    by_account: HashMap<Option<Arc<str>>, usize>,
    next: u64,
    /// Those who wait, and whose turn is next.
    waiting: HashMap<Whose, VecDeque<oneshot::Sender<Place>>>,
    turns: VecDeque<Whose>,
}

/// A place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.locked().give_back(self.number);
        self.places.give_out();
    }
}

impl Places {
    fn locked(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens so many places.
    pub(super) fn open(self: &Arc<Self>, places: usize) {
        self.locked().places = places;
        self.give_out();
    }

    /// Whether reconciles may begin.
    pub(super) fn are_open(&self) -> bool {
        self.locked().places > 0
    }

    /// Waits for a place. `None` is not reached: the places stay as long as anybody waits.
    pub(super) async fn take(self: &Arc<Self>, whose: Whose) -> Option<Place> {
        let (place, comes) = oneshot::channel();
        self.locked().wait(whose, place);
        self.give_out();
        comes.await.ok()
    }

    /// Lends places whose reconciles wait for long. Never returns.
    pub(super) async fn run(self: &Arc<Self>) {
        loop {
            sleep(LENT / 4).await;
            self.give_out();
        }
    }

    fn give_out(self: &Arc<Self>) {
        loop {
            let mut state = self.locked();
            let Some((number, waits)) = state.next(Instant::now()) else {
                return;
            };
            drop(state);
            let place = Place {
                places: self.clone(),
                number,
            };
            // Who does not wait any more gives it back by dropping it.
            drop(waits.send(place));
        }
    }
}

impl State {
    fn wait(&mut self, whose: Whose, place: oneshot::Sender<Place>) {
        let waiting = self.waiting.entry(whose.clone()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(whose);
        }
        waiting.push_back(place);
    }

    /// Takes the next place, if there is one for anybody who waits.
    fn next(&mut self, now: Instant) -> Option<(u64, oneshot::Sender<Place>)> {
        let lent = |since: &Instant| now.saturating_duration_since(*since) >= LENT;
        let all = self.taken.len();
        let lent = self.taken.values().take_while(|(_, since)| lent(since));
        let is_free = all - lent.count() < self.places;
        let has_room = all < MOST * self.places;
        let turn = self.turns.iter().position(|(account, _)| {
            let own = self.by_account.get(account).copied().unwrap_or_default();
            // One more for an account that has none is always there.
            own < self.places && is_free && (has_room || own == 0)
        })?;
        let whose = self.turns.remove(turn)?;
        let waiting = self.waiting.get_mut(&whose)?;
        let place = waiting.pop_front()?;
        if waiting.is_empty() {
            self.waiting.remove(&whose);
        } else {
            self.turns.push_back(whose.clone());
        }
        let number = self.next;
        self.next += 1;
        *self.by_account.entry(whose.0.clone()).or_default() += 1;
        self.taken.insert(number, (whose.0, now));
        Some((number, place))
    }

    fn give_back(&mut self, number: u64) {
        let Some((account, _)) = self.taken.remove(&number) else {
            return;
        };
        if let Some(count) = self.by_account.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::time::advance;

    use super::*;

    fn whose(account: &str, namespace: &str) -> Whose {
        (Some(account.into()), namespace.into())
    }

    fn at_once(places: &Arc<Places>, account: &str, namespace: &str) -> Option<Place> {
        places
            .take(whose(account, namespace))
            .now_or_never()
            .flatten()
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_no_places_before_they_are_opened_and_each_comes_back() {
        let places = Arc::new(Places::default());
        assert!(at_once(&places, "a", "mail").is_none());
        places.open(1);
        let place = at_once(&places, "a", "mail").unwrap();
        assert!(at_once(&places, "a", "mail").is_none());
        assert!(at_once(&places, "b", "mail").is_none());
        drop(place);
        assert!(at_once(&places, "b", "mail").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn accounts_and_namespaces_take_turns_however_many_wait_of_one() {
        let places = Arc::new(Places::default());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (account, namespace, count) in [("a", "one", 10), ("a", "two", 2), ("b", "one", 2)] {
            for _ in 0..count {
                let (places, order) = (places.clone(), order.clone());
                tasks.push(tokio::spawn(async move {
                    let place = places.take(whose(account, namespace)).await.unwrap();
                    order.lock().unwrap().push(format!("{account}/{namespace}"));
                    drop(place);
                }));
            }
        }
        tokio::task::yield_now().await;
        places.open(1);
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        let mut first: Vec<_> = order[..6].to_vec();
        first.sort();
        assert_eq!(
            first,
            ["a/one", "a/one", "a/two", "a/two", "b/one", "b/one"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_hangs_keeps_no_other_waiting_and_gets_no_more_than_all_places() {
        let places = Arc::new(Places::default());
        places.open(4);
        let hanging: Vec<_> = (0..4).filter_map(|_| at_once(&places, "a", "x")).collect();
        assert_eq!(hanging.len(), 4);
        assert!(at_once(&places, "b", "y").is_none(), "for now");
        advance(LENT).await;
        assert!(at_once(&places, "a", "x").is_none(), "it has enough");
        let others: Vec<_> = (0..5).filter_map(|_| at_once(&places, "b", "y")).collect();
        assert_eq!(others.len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn many_accounts_that_hang_leave_a_place_for_each_other_and_are_bounded() {
        let places = Arc::new(Places::default());
        places.open(2);
        let mut hanging = Vec::new();
        for number in 0..10 {
            let account = format!("hangs-{number}");
            hanging.extend((0..3).filter_map(|_| at_once(&places, &account, "x")));
            advance(LENT).await;
        }
        assert_eq!(
            hanging.len(),
            8 + 6,
            "two of each of four, then one of each"
        );
        assert!(at_once(&places, "works", "x").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_nobody_waits_for_any_more_comes_back() {
        let places = Arc::new(Places::default());
        for _ in 0..3 {
            assert!(at_once(&places, "a", "x").is_none());
        }
        places.open(1);
        assert!(at_once(&places, "a", "x").is_some());
    }
}
