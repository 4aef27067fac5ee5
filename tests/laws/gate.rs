//! A deletion that waits for exports: every fault at every step, and everything that happens to mail and
//! exports meanwhile.

use k8s_openapi::jiff::SignedDuration;
use workmail_operator::{
    api::{ConditionType, DeletionPolicy, ExportState, RequireExport, Waive},
    logic::{
        ErrorKind, EventKind,
        export::EntityState,
        organization::{Answer, Call, Outcome, report},
    },
};

use crate::{
    views::{deleting, existing, next, rest_with},
    world::{
        Event, Fault, World,
        aws::{Knobs, refusal},
        mail::{self, Mail},
    },
};

const EASY: Knobs = Knobs {
    deleted_stay: false,
    list_lags: false,
    aliases_return: true,
};
const MOST_STEPS: usize = 90;

type Change = fn(&mut World);

/// What is done at one step instead of the step alone.
#[derive(Clone, Debug)]
enum Twist {
    Fault(Fault),
    Event(Event),
    Mail(
        #[expect(dead_code, reason = "it tells the change in the message of a failure")]
        &'static str,
        Change,
    ),
}

fn twists() -> Vec<Twist> {
    let faults = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Lost,
        Fault::Aws(ErrorKind::Throttled),
        Fault::Aws(ErrorKind::TimedOut),
        Fault::Aws(refusal("AccessDeniedException")),
        Fault::Api,
        Fault::ApiLost,
        Fault::Pause,
        Fault::StaleView(1),
    ];
    let faults = faults.map(Twist::Fault);
    let events = [
        Event::Pass(3000),
        Event::Pass(4000),
        Event::Observe,
        Event::WipeStatus(0),
    ];
    let events = events.map(Twist::Event);
    faults.into_iter().chain(events).chain(changes()).collect()
}

/// What happens to mail and exports. None of it may be overlooked by a deletion that follows.
fn changes() -> Vec<Twist> {
    let changes: [(&'static str, Change); 10] = [
        ("a user comes", |world| {
            world.mail.users.push(mail::user("new"));
        }),
        ("an export runs", |world| {
            change(world, |one| one.state = Some(ExportState::Running));
        }),
        ("an export is asked for", |world| {
            let mut queued = mail::export("b", world.now);
            (queued.uid, queued.state) = ("queued".to_owned(), None);
            world.mail.exports.push(queued);
        }),
        ("all are exported", |world| {
            world.mail.going_on.push("all".to_owned());
        }),
        ("an export is removed", |world| {
            world.mail.exports.pop();
        }),
        ("an export is replaced", |world| {
            change(world, |one| "another".clone_into(&mut one.uid));
        }),
        ("an export is found wrong", |world| {
            change(world, |one| one.is_verified = false);
        }),
        ("everybody is deregistered", |world| {
            let now = world.now;
            for user in &mut world.mail.users {
                user.state = EntityState::Disabled;
                user.disabled_at = Some(now);
            }
            world.mail.exports.clear();
        }),
        ("the directory is emptied", |world| {
            world.mail.users.clear();
            world.mail.exports.clear();
        }),
        ("the gate is opened wide", |world| {
            world.server.edit(0, |spec| {
                let deletion = spec.deletion.get_or_insert_default();
                deletion.require_export = None;
            });
        }),
    ];
    changes
        .map(|(what, change)| Twist::Mail(what, change))
        .to_vec()
}

/// What happens to the first export, if there is one.
fn change(world: &mut World, change: fn(&mut workmail_operator::logic::gate::Export)) {
    world.mail.exports.first_mut().into_iter().for_each(change);
}

fn required() -> RequireExport {
    serde_json::from_value(serde_json::json!({})).unwrap()
}

/// An organization with two users, both exported, whose resource was just deleted.
fn leaving() -> World {
    let mut world = World::new(EASY, DeletionPolicy::Delete);
    world.server.edit(0, |spec| {
        spec.deletion.get_or_insert_default().require_export = Some(required());
    });
    for _ in 0..4 {
        world.round(31);
    }
    world.mail = Mail::exported(&["a", "b"], world.now);
    world.mail_before = world.mail.clone();
    world.apply(&Event::DeleteObject(0));
    world
}

fn deletions(world: &World) -> usize {
    let calls = world.calls.iter();
    calls
        .filter(|(call, _)| matches!(call, Call::Delete(_)))
        .count()
}

fn walk(mut world: World, twists: &[(usize, &Twist)]) -> (World, usize) {
    let last = twists.iter().map(|(at, _)| *at).max().unwrap_or_default();
    for step in 0..MOST_STEPS {
        let mut fault = Fault::None;
        for (_, twist) in twists.iter().filter(|(at, _)| *at == step) {
            match twist {
                Twist::Fault(given) => fault = given.clone(),
                Twist::Event(event) => world.apply(event),
                Twist::Mail(_, change) => change(&mut world),
            }
        }
        world.apply(&Event::Step(0, fault));
        if world.running[0].is_none() {
            world.apply(&Event::Pass(31));
            world.apply(&Event::Advance);
            world.apply(&Event::Observe);
        }
        if step >= last && world.object(0).is_none() {
            return (world, step + 1);
        }
    }
    (world, MOST_STEPS)
}

#[test]
fn an_organization_whose_mail_is_exported_is_deleted_after_each_export_was_asked_for_once() {
    let (world, steps) = walk(leaving(), &[]);
    assert!(steps < MOST_STEPS, "{:?}", world.object(0));
    assert_eq!(world.breaches, vec![]);
    assert_eq!((deletions(&world), world.mail.asks), (1, 2));
    assert!(world.mail.is_closed);
}

#[test]
fn no_fault_and_no_change_of_mail_at_any_step_deletes_what_is_not_exported() {
    let (_, steps) = walk(leaving(), &[]);
    for twist in &twists() {
        for step in 0..steps {
            let twists = [(step, twist)];
            let (world, _) = walk(leaving(), &twists);
            assert_eq!(world.breaches, vec![], "{twists:?}");
        }
    }
}

#[test]
fn no_change_of_mail_before_or_after_a_fault_deletes_what_is_not_exported() {
    let (_, steps) = walk(leaving(), &[]);
    let is_fault = |twist: &Twist| matches!(twist, Twist::Fault(_));
    let (faults, changes) = (twists().into_iter().filter(is_fault), changes());
    for fault in &faults.collect::<Vec<_>>() {
        for change in &changes {
            for step in 0..steps {
                for twists in [
                    [(step, change), (step + 2, fault)],
                    [(step, fault), (step + 2, change)],
                ] {
                    let (world, _) = walk(leaving(), &twists);
                    assert_eq!(world.breaches, vec![], "{twists:?}");
                }
            }
        }
    }
}

#[test]
fn after_any_fault_an_organization_whose_mail_is_exported_is_deleted_all_the_same() {
    let (_, steps) = walk(leaving(), &[]);
    for twist in twists()
        .iter()
        .filter(|twist| matches!(twist, Twist::Fault(_)))
    {
        for step in 0..steps {
            let (mut world, _) = walk(leaving(), &[(step, twist)]);
            for _ in 0..8 {
                world.round(3600);
            }
            assert!(
                world.object(0).is_none(),
                "{twist:?} at {step}: {:?}",
                world.object(0)
            );
        }
    }
}

/// Each check costs two calls: a restart that began anew would ask for all of them again.
#[test]
fn restarts_and_throttling_in_the_sweep_ask_for_no_export_twice() {
    let names: Vec<String> = (0..20).map(|n| format!("user{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = leaving();
    world.mail = Mail::exported(&names, world.now);
    world.mail_before = world.mail.clone();
    let mut rounds = 0;
    while world.object(0).is_some() && rounds < 200 {
        rounds += 1;
        world.apply(&Event::Pass(31));
        world.apply(&Event::Advance);
        world.apply(&Event::Observe);
        world.reconcile(0);
        if rounds % 3 == 0 {
            world.apply(&Event::Step(0, Fault::CrashBefore));
        }
    }
    assert!(world.object(0).is_none(), "{:?}", world.object(0));
    assert_eq!(world.breaches, vec![]);
    assert_eq!(world.mail.asks, 20, "in {rounds} rounds");
}

fn blocked(world: &World) -> String {
    let object = world.object(0).expect("it is there");
    let ready = object.status.condition(ConditionType::Ready).unwrap();
    assert_eq!(ready.reason, "DeletionBlocked", "{ready:?}");
    assert!(object.status.is(ConditionType::Stalled));
    ready.message.clone()
}

#[test]
fn a_blocked_deletion_says_how_many_are_missing_and_who_the_first_five_are() {
    let mut world = leaving();
    world.mail = Mail::exported(&["a", "b", "c", "d", "e", "f", "g", "h"], world.now);
    world.mail.exports.truncate(2);
    world.mail.exports[1].is_verified = false;
    world.mail_before = world.mail.clone();
    world.reconcile(0);
    let message = blocked(&world);
    assert!(
        message.contains("Of 8 mailboxes 7 are missing"),
        "{message}"
    );
    assert!(
        message.contains("b@acme.example (NotVerified), c@acme.example (NoExport)"),
        "{message}"
    );
    assert!(
        message.contains("f@acme.example (NoExport) and 2 more"),
        "{message}"
    );
    assert!(!message.contains("a@acme"), "{message}");
    assert_eq!(
        world.mail.asks, 0,
        "nothing is asked for while others are missing"
    );
    assert_eq!(deletions(&world), 0);
    // They are waived, each with a reason.
    world.server.edit(0, |spec| {
        let gate = spec
            .deletion
            .as_mut()
            .unwrap()
            .require_export
            .as_mut()
            .unwrap();
        gate.waive = ["b", "c", "d", "e", "f", "g", "h"]
            .map(|mailbox| Waive {
                mailbox: mailbox.into(),
                reason: "empty".into(),
            })
            .to_vec();
    });
    for _ in 0..8 {
        world.round(31);
    }
    assert!(world.object(0).is_none(), "{:?}", world.object(0));
    assert_eq!(world.breaches, vec![]);
}

#[test]
fn new_mail_a_lost_object_and_an_empty_directory_block_a_deletion() {
    let mut world = leaving();
    world.mail.grown.insert("b".into(), 2 * 1024 * 1024);
    for _ in 0..3 {
        world.round(31);
    }
    assert!(blocked(&world).contains("b@acme.example (MailSinceExport)"));
    world.mail.grown.clear();
    // What was found right counts for an hour, and what was wrong is asked for again.
    world.mail.lost.push("uid-b".into());
    for _ in 0..3 {
        world.round(31);
    }
    assert!(
        blocked(&world).contains("b@acme.example (ObjectMissing)"),
        "{}",
        blocked(&world)
    );
    world.mail = Mail::default();
    world.mail_before = Mail::default();
    world.round(31);
    assert!(blocked(&world).contains("That proves nothing"));
    assert_eq!((deletions(&world), world.breaches), (0, vec![]));
}

/// With or without a gate.
#[test]
fn an_export_that_runs_blocks_every_deletion() {
    for gated in [true, false] {
        let mut world = leaving();
        world.server.edit(0, |spec| {
            let deletion = spec.deletion.as_mut().unwrap();
            deletion.require_export = gated.then(required);
        });
        world.mail.exports[1].state = Some(ExportState::Running);
        world.mail_before = world.mail.clone();
        world.round(31);
        assert!(blocked(&world).contains("export-b"), "{}", blocked(&world));
        world.mail.exports[1].state = Some(ExportState::Completed);
        for _ in 0..6 {
            world.round(31);
        }
        assert!(world.object(0).is_none(), "{:?}", world.object(0));
        assert_eq!(world.breaches, vec![]);
    }
}

#[test]
fn an_export_that_is_too_old_by_the_time_of_the_call_blocks() {
    let mut world = leaving();
    let long_ago = world.now - SignedDuration::from_hours(719);
    world.mail.exports[0].started_at = Some(long_ago);
    world.mail_before = world.mail.clone();
    world.apply(&Event::Pass(2 * 3600));
    world.round(31);
    assert!(blocked(&world).contains("TooOld"));
}

/// It is one field away from a deletion of everything.
#[test]
fn that_the_gate_is_removed_is_told_once_by_a_warning() {
    let mut view = existing(&workmail_operator::logic::organization::OrganizationState::Active);
    view.desired.gate = Some(workmail_operator::logic::gate::Rule::default());
    let kinds = |view: &workmail_operator::logic::organization::View| {
        let notes = report(view, &Outcome::Active).notes;
        notes
            .into_iter()
            .filter(|note| {
                note.kind
                    == EventKind::Alert(workmail_operator::api::EventReason::ExportGateRemoved)
            })
            .count()
    };
    assert_eq!(kinds(&view), 0);
    let mut view = next(view, &Outcome::Active);
    assert!(view.memory.gated);
    view.desired.gate = None;
    assert_eq!(kinds(&view), 1);
    let view = next(view, &Outcome::Active);
    assert_eq!(kinds(&view), 0);
}

/// The document is what is left to show: without it nothing is deleted.
#[test]
fn a_document_that_cannot_be_written_blocks_and_says_where_it_should_go() {
    let mut world = leaving();
    let denied = Fault::Aws(refusal("AccessDenied"));
    for _ in 0..MOST_STEPS {
        let is_next = world.running[0].as_ref().is_some_and(|running| {
            matches!(
                running.view(),
                view if matches!(
                    workmail_operator::logic::organization::decide(view),
                    workmail_operator::logic::organization::Action::WriteClosing(_)
                )
            )
        });
        let fault = if is_next { denied.clone() } else { Fault::None };
        world.apply(&Event::Step(0, fault));
        if is_next {
            break;
        }
        if world.running[0].is_none() {
            world.apply(&Event::Pass(31));
        }
    }
    while world.running[0].is_some() {
        world.apply(&Event::Step(0, Fault::None));
    }
    let message = blocked(&world);
    assert!(message.contains("s3://archive/mail/uid-"), "{message}");
    assert_eq!((deletions(&world), world.breaches), (0, vec![]));
}

#[test]
fn a_deletion_without_a_gate_reads_no_directory_and_writes_nothing() {
    use workmail_operator::logic::organization::{Action, OrganizationState, Read};
    let (outcome, _) = rest_with(deleting(existing(&OrganizationState::Active)), |action| {
        match action {
            Action::Read(Read::Gate { mailboxes, .. }) => assert!(!mailboxes),
            Action::Read(Read::Checks { .. }) | Action::WriteClosing(_) => panic!("{action:?}"),
            _ => {}
        }
        None::<Answer>
    });
    assert!(matches!(outcome, Outcome::Progress { .. }), "{outcome:?}");
}
