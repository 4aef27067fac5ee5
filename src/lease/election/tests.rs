use proptest::prelude::*;

use super::*;
use crate::lease::term::Term;

const LASTS: Duration = Duration::from_secs(15);

fn candidate(name: &str) -> Candidate {
    Candidate::new(name.to_owned(), LASTS)
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn second(start: Instant, second: u64) -> Instant {
    start + Duration::from_secs(second)
}

#[tokio::test]
async fn a_lease_is_taken_when_it_was_seen_unchanged_for_as_long_as_its_holder_asked_for() {
    let start = Instant::now();
    let mut held = candidate("a").first("lease", now());
    held.metadata.resource_version = Some("1".to_owned());
    let mut b = Candidate::new("b".to_owned(), Duration::from_secs(3));
    assert_eq!(b.look(Some(&held), start), Step::Wait);
    assert_eq!(b.look(Some(&held), second(start, 14)), Step::Wait);
    assert_eq!(b.look(Some(&held), second(start, 15)), Step::Take);
    held.metadata.resource_version = Some("2".to_owned());
    assert_eq!(
        b.look(Some(&held), second(start, 16)),
        Step::Wait,
        "any change starts the count anew, whatever times it names"
    );
    assert_eq!(b.look(Some(&held), second(start, 31)), Step::Take);
}

#[tokio::test]
async fn what_is_nobodys_or_our_own_is_taken_at_once() {
    let start = Instant::now();
    let lease = candidate("a").first("lease", now());
    assert_eq!(candidate("a").look(Some(&lease), start), Step::Take);
    let free = Candidate::given_back(&lease, now());
    assert_eq!(candidate("b").look(Some(&free), start), Step::Take);
    assert_eq!(candidate("b").look(None, start), Step::Create);
}

#[test]
fn a_lease_counts_how_often_it_changed_hands_and_keeps_what_others_wrote_on_it() {
    let spec = |lease: &Lease| lease.spec.clone().unwrap();
    let first = candidate("a").first("lease", now());
    assert_eq!(spec(&first).lease_transitions, Some(0));
    assert_eq!(spec(&first).lease_duration_seconds, Some(15));
    let later = now() + LASTS;
    let renewed = candidate("a").taken(&first, later);
    assert_eq!(spec(&renewed).lease_transitions, Some(0));
    assert_eq!(spec(&renewed).acquire_time, spec(&first).acquire_time);
    assert_eq!(spec(&renewed).renew_time, Some(MicroTime(later)));
    let mut labelled = renewed;
    labelled.metadata.labels = Some([("team".to_owned(), "mail".to_owned())].into());
    let taken = candidate("b").taken(&labelled, later);
    assert_eq!(spec(&taken).lease_transitions, Some(1));
    assert_eq!(spec(&taken).acquire_time, Some(MicroTime(later)));
    assert_eq!(taken.metadata.labels, labelled.metadata.labels);
    assert_eq!(holder(&taken), Some("b"));
}

/// What happens next in a story of three replicas.
#[derive(Clone, Debug)]
enum Event {
    /// Time passes.
    Wait(u64),
    /// One reads the lease, and will write what it decides, if anything.
    Read(usize),
    /// Its write arrives, however late; the answer comes too, or is lost.
    Write(usize, bool),
    /// It gives the lease back.
    Leave(usize),
    /// Somebody else changes the lease.
    Label,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (1..12_u64).prop_map(Event::Wait),
        6 => (0..3_usize).prop_map(Event::Read),
        6 => (0..3_usize, any::<bool>()).prop_map(|(who, told)| Event::Write(who, told)),
        1 => (0..3_usize).prop_map(Event::Leave),
        1 => Just(Event::Label),
    ]
}

/// One replica: what it asks for, what it is about to write and since when, and what it was granted.
struct Replica {
    candidate: Candidate,
    writes: Option<(Lease, Instant)>,
    term: Option<Term>,
}

/// A lease under optimistic concurrency.
#[derive(Default)]
struct Server {
    lease: Option<Lease>,
    version: u64,
}

impl Server {
    fn write(&mut self, wanted: &Lease) -> bool {
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        if self.lease.as_ref().and_then(version) != version(wanted) {
            return false;
        }
        self.version += 1;
        let mut lease = wanted.clone();
        lease.metadata.resource_version = Some(self.version.to_string());
        self.lease = Some(lease);
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_two_replicas_ever_hold_the_lease_at_once(story in prop::collection::vec(event(), 1..80)) {
        let mut now = Instant::now();
        let mut server = Server::default();
        let mut replicas: Vec<_> = ["a", "b", "c"]
            .into_iter()
            .map(|name| Replica { candidate: candidate(name), writes: None, term: None })
            .collect();
        for event in story {
            match event {
                Event::Wait(seconds) => now += Duration::from_secs(seconds),
                Event::Read(who) => {
                    let replica = &mut replicas[who];
                    let lease = server.lease.as_ref();
                    let wanted = match (replica.candidate.look(lease, now), lease) {
                        (Step::Wait, _) => None,
                        (Step::Take, Some(lease)) => Some(replica.candidate.taken(lease, self::now())),
                        (Step::Create | Step::Take, _) => Some(replica.candidate.first("lease", self::now())),
                    };
                    replica.writes = wanted.map(|wanted| (wanted, now));
                }
                Event::Write(who, told) => {
                    let replica = &mut replicas[who];
                    if let Some((wanted, sent)) = replica.writes.take()
                        && server.write(&wanted)
                        && told
                    {
                        replica.term = Some(Term::of(sent, LASTS));
                    }
                }
                Event::Leave(who) => {
                    let replica = &mut replicas[who];
                    if let Some(lease) = server.lease.clone().filter(|lease| replica.candidate.holds(lease)) {
                        // The work has ended by then, and nothing is under way.
                        (replica.term, replica.writes) = (None, None);
                        server.write(&Candidate::given_back(&lease, self::now()));
                    }
                }
                Event::Label => {
                    if let Some(lease) = server.lease.clone() {
                        server.write(&lease);
                    }
                }
            }
            let holders = replicas
                .iter()
                .filter(|replica| replica.term.is_some_and(|term| now < term.ends))
                .count();
            prop_assert!(holders <= 1, "{holders} at once");
        }
    }
}
