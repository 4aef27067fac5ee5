//! Short ways, with every fault at every step and every two faults at every two steps.

use workmail_operator::{
    api::{ConditionType, DeletionPolicy},
    logic::{
        ErrorKind,
        organization::{Call, OrganizationState as State},
    },
};

use crate::{
    eventually,
    world::{
        Event, Fault, OURS, World,
        aws::{Knobs, refusal},
    },
};

/// The knobs under which an operator has it hardest.
const HARD: Knobs = Knobs {
    deleted_stay: false,
    list_lags: true,
    aliases_return: true,
};

/// What is done at one step instead of the step alone.
#[derive(Clone, Debug)]
enum Twist {
    Fault(Fault),
    /// Somebody does this before the step.
    Before(Event),
}

fn faults() -> Vec<Twist> {
    [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Lost,
        Fault::Aws(ErrorKind::Throttled),
        Fault::Aws(ErrorKind::TimedOut),
        Fault::Api,
        Fault::ApiLost,
        Fault::Pause,
        Fault::StaleView(1),
        Fault::StaleView(3),
    ]
    .map(Twist::Fault)
    .to_vec()
}

fn everything() -> Vec<Twist> {
    let refusals = [
        "AccessDeniedException",
        "LimitExceededException",
        "NameAvailabilityException",
        "OrganizationStateException",
        "OrganizationNotFoundException",
    ];
    let edits = [
        Event::ForgetTokens,
        Event::WipeStatus(0),
        Event::Suspend(0, true),
        Event::Retain(0),
        Event::Delete(0),
        Event::Tags(0, &[("team", "a")]),
        Event::DeleteObject(0),
        Event::Recreate(0),
        Event::NamespaceLeaves,
        Event::DeleteInAws,
        Event::UndoDeletion(State::Failed),
        Event::UndoDeletion(State::Active),
        Event::Fail,
        Event::SwitchAccount(false),
        Event::MakeInAws(true),
        Event::TagInAws("workmail-operator.dev/cluster", "elsewhere"),
        Event::UntagInAws(true),
        Event::Pass(960),
        Event::End,
    ];
    let refusals = refusals.map(|code| Twist::Fault(Fault::Aws(refusal(code))));
    let edits = edits.map(Twist::Before);
    faults().into_iter().chain(refusals).chain(edits).collect()
}

/// More steps than any of the ways has, even with a twist.
const MOST_STEPS: usize = 80;

/// The way from an object to a Ready organization, and under policy Delete to its end. Gives the
/// number of steps too.
fn walk(policy: DeletionPolicy, twists: &[(usize, &Twist)]) -> (World, usize) {
    let mut world = World::new(HARD, policy);
    let last = twists.iter().map(|(at, _)| *at).max().unwrap_or_default();
    for step in 0..MOST_STEPS {
        let mut fault = Fault::None;
        for (_, twist) in twists.iter().filter(|(at, _)| *at == step) {
            match twist {
                Twist::Fault(given) => fault = given.clone(),
                Twist::Before(event) => world.apply(event),
            }
        }
        world.apply(&Event::Step(0, fault));
        if world.running[0].is_none() {
            world.apply(&Event::Pass(31));
            world.apply(&Event::Advance);
            world.apply(&Event::Observe);
        }
        let is_ready = world
            .object(0)
            .is_some_and(|object| object.status.is(ConditionType::Ready));
        if is_ready && policy == DeletionPolicy::Delete {
            world.apply(&Event::DeleteObject(0));
        } else if step >= last && (is_ready || world.object(0).is_none()) {
            return (world, step + 1);
        }
    }
    (world, MOST_STEPS)
}

fn check(mut world: World, twists: &[(usize, &Twist)]) {
    eventually::brake(&mut world);
    eventually::never_created(&mut world);
    eventually::settles(&mut world);
    assert!(
        world.breaches.is_empty(),
        "{twists:?}: {:?}",
        world.breaches
    );
}

#[test]
fn without_a_twist_the_ways_are_walked_to_their_ends() {
    let (created, steps) = walk(DeletionPolicy::Retain, &[]);
    assert!(steps < MOST_STEPS);
    let object = created.object(0).unwrap();
    assert!(object.status.is(ConditionType::Ready), "{object:?}");
    assert_eq!(created.effects, 2, "one create, one tagging");
    let (deleted, steps) = walk(DeletionPolicy::Delete, &[]);
    assert!(steps < MOST_STEPS);
    assert!(deleted.object(0).is_none(), "{:?}", deleted.object(0));
    assert_eq!(deleted.effects, 3, "one create, one tagging, one deletion");
    assert_eq!(deleted.breaches, vec![]);
}

#[test]
fn any_fault_or_edit_at_any_step_breaks_no_law() {
    for policy in [DeletionPolicy::Retain, DeletionPolicy::Delete] {
        let (_, steps) = walk(policy, &[]);
        for twist in &everything() {
            for step in 0..steps {
                let twists = [(step, twist)];
                check(walk(policy, &twists).0, &twists);
            }
        }
    }
}

#[test]
fn any_two_faults_of_a_create_and_deletion_leave_one_organization_or_none() {
    let faults = faults();
    let (_, steps) = walk(DeletionPolicy::Delete, &[]);
    for first in &faults {
        for second in &faults {
            for step in 0..steps {
                for gap in 1..6 {
                    let twists = [(step, first), (step + gap, second)];
                    let (mut world, _) = walk(DeletionPolicy::Delete, &twists);
                    assert!(world.aws.made.values().all(|made| *made <= 1), "{twists:?}");
                    eventually::settles(&mut world);
                    assert_eq!(world.breaches, vec![], "{twists:?}");
                    assert!(world.object(0).is_none_or(|object| !object.deleting));
                }
            }
        }
    }
}

#[test]
fn any_edit_while_a_pending_create_is_searched_for_to_be_deleted_breaks_no_law() {
    let lost = Twist::Fault(Fault::Lost);
    let delete = Twist::Before(Event::DeleteObject(0));
    let advance = Twist::Before(Event::Advance);
    let edits: Vec<Twist> = everything()
        .into_iter()
        .filter(|twist| matches!(twist, Twist::Before(_)))
        .collect();
    for at in 4..9 {
        for edit in &edits {
            for step in at + 2..at + 24 {
                let (next, lost) = (at + 1, (at, &lost));
                let twists = [lost, (next, &advance), (next, &delete), (step, edit)];
                check(walk(DeletionPolicy::Delete, &twists).0, &twists);
            }
        }
    }
}

#[test]
fn a_lost_reply_and_a_forgotten_token_still_make_one_organization_which_is_found_again() {
    let (_, steps) = walk(DeletionPolicy::Retain, &[]);
    for lost in 0..steps {
        for forgotten in lost..steps {
            for (missed_before, pause) in [(false, 31), (false, 1), (true, 1)] {
                one_is_made_and_found(steps, [lost, forgotten], missed_before, pause);
            }
        }
    }
}

fn one_is_made_and_found(
    steps: usize,
    [lost, forgotten]: [usize; 2],
    missed_before: bool,
    pause: i64,
) {
    let mut world = World::new(HARD, DeletionPolicy::Retain);
    if missed_before {
        // A reconcile that saw the alias missing came to nothing, some time before.
        for _ in 0..3 {
            world.apply(&Event::Step(0, Fault::None));
        }
        world.apply(&Event::Step(0, Fault::Api));
        world.apply(&Event::Pass(40));
        world.apply(&Event::Observe);
    }
    for step in 0..steps {
        if step == forgotten {
            world.apply(&Event::ForgetTokens);
        }
        let fault = if step == lost {
            Fault::Lost
        } else {
            Fault::None
        };
        world.apply(&Event::Step(0, fault));
        if world.running[0].is_none() {
            world.apply(&Event::Pass(pause));
            world.apply(&Event::Observe);
        }
    }
    eventually::settles(&mut world);
    let how = format!("{lost}, {forgotten}, {missed_before}, {pause}");
    assert_eq!(world.breaches, vec![], "{how}");
    let object = world.object(0).unwrap();
    assert!(object.status.is(ConditionType::Ready), "{how}");
    assert_eq!(world.aws.made.values().sum::<u32>(), 1);
}

/// Walks until AWS has accepted the deletion of the organization, and that is told.
fn until_aws_deletes(world: &mut World) {
    let (mut steps, is_deleting) = (0, |world: &World| {
        let mut states = world.aws.orgs.values().map(|org| &org.state);
        states.any(|state| *state == State::Deleting)
    });
    while !is_deleting(world) {
        world.apply(&Event::Step(0, Fault::None));
        if world.running[0].is_none() && !is_deleting(world) {
            world.apply(&Event::Pass(31));
            world.apply(&Event::Advance);
            world.apply(&Event::Observe);
        }
        let is_ready = world
            .object(0)
            .is_some_and(|object| object.status.is(ConditionType::Ready));
        if is_ready {
            world.apply(&Event::DeleteObject(0));
        }
        steps += 1;
        assert!(steps < MOST_STEPS, "nothing is deleted");
    }
    while world.running[0].is_some() {
        world.apply(&Event::Step(0, Fault::None));
    }
}

fn deletions(world: &World) -> Vec<&str> {
    let tokens = world.calls.iter().filter_map(|(call, _)| match call {
        Call::Delete(input) => Some(input.token.as_str()),
        _ => None,
    });
    tokens.collect()
}

#[test]
fn an_accepted_deletion_that_comes_to_nothing_is_told_and_asked_for_again_an_hour_later() {
    for state in [State::Failed, State::Active] {
        let mut world = World::new(HARD, DeletionPolicy::Delete);
        until_aws_deletes(&mut world);
        world.apply(&Event::UndoDeletion(state.clone()));
        world.round(31);
        assert_eq!(reason(&world), "Deleting", "one read proves nothing");
        world.round(31);
        assert_eq!(reason(&world), "DeletionBlocked", "{state:?}");
        world.round(31);
        assert_eq!(deletions(&world).len(), 1, "not at once");
        world.round(60 * 60);
        let asked = deletions(&world);
        assert_eq!(asked.len(), 2);
        assert_ne!(asked[0], asked[1], "it is a new intent");
        eventually::settles(&mut world);
        assert!(world.object(0).is_none(), "{:?}", world.object(0));
        assert_eq!(world.breaches, vec![]);
    }
}

#[test]
fn a_deletion_of_somebody_else_that_comes_to_nothing_is_followed_by_our_own() {
    let mut world = World::new(HARD, DeletionPolicy::Delete);
    for _ in 0..4 {
        world.round(31);
    }
    world.apply(&Event::DeleteInAws);
    world.apply(&Event::DeleteObject(0));
    world.observe(OURS);
    world.reconcile(0);
    assert_eq!(reason(&world), "Deleting");
    world.apply(&Event::UndoDeletion(State::Active));
    world.round(31);
    assert_eq!(deletions(&world).len(), 1, "{:?}", world.object(0));
    eventually::settles(&mut world);
    assert!(world.object(0).is_none(), "{:?}", world.object(0));
    assert_eq!(world.breaches, vec![]);
}

/// The reason of Ready.
fn reason(world: &World) -> &str {
    let object = world.object(0);
    let ready = object.and_then(|object| object.status.condition(ConditionType::Ready));
    ready.map_or("", |ready| ready.reason.as_str())
}
