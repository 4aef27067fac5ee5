//! The way from somebody's organization to this object's, with everything that can happen on it.

use workmail_operator::{
    api::{AdoptionPolicy, ConditionType, DeletionPolicy, Origin},
    logic::{
        ErrorKind,
        organization::{Call, OrganizationState as State, Verification},
    },
};

use crate::{
    eventually,
    world::{
        Event, Fault, OURS, World,
        aws::{Knobs, TagMap},
    },
};

const KNOBS: Knobs = Knobs {
    deleted_stay: true,
    list_lags: false,
    aliases_return: false,
};

/// Who has the organization, and what the user sets so that it is taken.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Nobody has it, and the policy adopts.
    Policy(AdoptionPolicy),
    /// An object of this cluster that is gone had it, and the policy adopts.
    OwnerGone,
    /// Another cluster has it, and is named.
    TakeOver,
    /// It is this object's already, and another cluster has tagged it since.
    TakeBack,
}

const WAYS: [Way; 5] = [
    Way::Policy(AdoptionPolicy::Adopt),
    Way::Policy(AdoptionPolicy::AdoptOrCreate),
    Way::OwnerGone,
    Way::TakeOver,
    Way::TakeBack,
];

fn tags(cluster: &str, name: &str) -> TagMap {
    [("cluster", cluster), ("namespace", "mail"), ("name", name)]
        .map(|(key, value)| (format!("workmail-operator.dev/{key}"), value.to_owned()))
        .into()
}

fn world(way: Way) -> World {
    let mut world = World::new(KNOBS, DeletionPolicy::Retain);
    world.pass(960);
    let id = world.aws.make(OURS, "acme", world.now);
    let completed = world.now;
    let org = world.aws.orgs.get_mut(&id).unwrap();
    org.state = State::Active;
    org.completed = Some(completed);
    world.pass(960);
    world.server.create(0, DeletionPolicy::Retain, world.now);
    let domains = &["acme.example"];
    world.apply(&Event::Domains(0, domains, Some("acme.example")));
    let org = world.aws.orgs.get_mut(&id).unwrap();
    match way {
        Way::Policy(policy) => world.apply(&Event::Adopt(0, policy)),
        Way::OwnerGone => {
            org.tags = tags("prod", "gone");
            world.apply(&Event::Adopt(0, AdoptionPolicy::Adopt));
        }
        Way::TakeOver => {
            org.tags = tags("elsewhere", "acme");
            world.apply(&Event::TakeOver(0, Some("elsewhere/mail/acme")));
        }
        Way::TakeBack => {
            org.tags = tags("prod", "acme");
            for _ in 0..3 {
                world.round(31);
            }
            assert_eq!(origin(&world), Some(Origin::Adopted));
            world.apply(&Event::TagInAws(
                "workmail-operator.dev/cluster",
                "elsewhere",
            ));
            world.apply(&Event::TakeOver(0, Some("elsewhere/mail/acme")));
            world.apply(&Event::Tags(0, &[("team", "a")]));
        }
    }
    world.calls.clear();
    // The process has run for a while.
    world.pass(960);
    world
}

fn origin(world: &World) -> Option<Origin> {
    world
        .object(0)
        .and_then(|object| object.status.memory.origin)
}

/// What happens before or at one step of the way.
#[derive(Clone, Debug)]
enum Twist {
    Fault(Fault),
    Before(Event),
}

fn twists() -> Vec<Twist> {
    let faults = [
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::Lost,
        Fault::Aws(ErrorKind::Throttled),
        Fault::Api,
        Fault::ApiLost,
        Fault::StaleView(1),
    ];
    let edits = [
        Event::Adopt(0, AdoptionPolicy::Create),
        Event::Adopt(0, AdoptionPolicy::AdoptOrCreate),
        Event::TakeOver(0, None),
        Event::TakeOver(0, Some("elsewhere/mail/other")),
        Event::Observes(0, true),
        Event::Suspend(0, true),
        Event::WipeStatus(0),
        Event::Become(State::Impaired),
        Event::Become(State::Active),
        Event::TagInAws("workmail-operator.dev/cluster", "elsewhere"),
        Event::UntagInAws(true),
        Event::RegisterInAws("acme.example"),
        Event::Domains(0, &[], None),
        Event::Verify(Verification::Verified),
        Event::Pass(4),
        Event::Pass(6),
    ];
    let faults = faults.map(Twist::Fault);
    faults.into_iter().chain(edits.map(Twist::Before)).collect()
}

/// More steps than the way has, even with what happens on it.
const MOST_STEPS: usize = 60;

/// Walks until there are no more twists and nothing more to do; `pause`: between two reconciles.
fn walk(way: Way, pause: i64, twists: &[(usize, &Twist)]) -> (World, usize) {
    let mut world = world(way);
    let last = twists.iter().map(|(at, _)| *at).max().unwrap_or_default();
    let mut still = 0;
    for step in 0..MOST_STEPS {
        let mut fault = Fault::None;
        for (_, twist) in twists.iter().filter(|(at, _)| *at == step) {
            match twist {
                Twist::Fault(given) => fault = given.clone(),
                Twist::Before(event) => world.apply(event),
            }
        }
        let effects = world.effects;
        world.apply(&Event::Step(0, fault));
        still = if world.effects == effects {
            still + 1
        } else {
            0
        };
        if world.running[0].is_none() {
            world.apply(&Event::Pass(pause));
            world.apply(&Event::Observe);
        }
        if step > last && still > 20 {
            return (world, step + 1);
        }
    }
    (world, MOST_STEPS)
}

#[test]
fn each_way_ends_with_the_organization_in_this_objects_hands() {
    for way in WAYS {
        let (world, steps) = walk(way, 6, &[]);
        assert!(steps < MOST_STEPS, "{way:?}");
        assert_eq!(origin(&world), Some(Origin::Adopted), "{way:?}");
        assert_eq!(world.aws.orgs.len(), 1, "{way:?}");
        let org = world.aws.orgs.values().next().unwrap();
        let mut marks = org.tags.clone();
        marks.remove("team");
        assert_eq!(marks, tags("prod", "acme"), "{way:?}");
        assert!(org.domains.all.contains_key("acme.example"), "{way:?}");
        let first = world.calls.first().map(|(call, _)| call.clone());
        assert!(matches!(first, Some(Call::Tag { .. })), "{first:?}");
        assert_eq!(world.breaches, vec![], "{way:?}");
    }
}

fn check(mut world: World, how: &impl std::fmt::Debug) {
    eventually::brake(&mut world);
    eventually::settles(&mut world);
    eventually::plans(&mut world);
    assert!(world.breaches.is_empty(), "{how:?}: {:?}", world.breaches);
}

#[test]
fn any_fault_or_edit_at_any_step_of_an_adoption_breaks_no_law() {
    for way in WAYS {
        for pause in [1, 6] {
            let (_, steps) = walk(way, pause, &[]);
            for twist in &twists() {
                for step in 0..steps {
                    let twists = [(step, twist)];
                    check(walk(way, pause, &twists).0, &(way, pause, twists));
                }
            }
        }
    }
}

#[test]
fn any_crash_and_edit_after_it_leave_a_claim_to_its_test() {
    let crash = Twist::Fault(Fault::CrashAfter);
    for way in WAYS {
        for edit in &twists() {
            for step in 0..14 {
                for gap in 1..4 {
                    let twists = [(step, &crash), (step + gap, edit)];
                    let (world, _) = walk(way, 1, &twists);
                    assert_eq!(world.breaches, vec![], "{way:?} {twists:?}");
                }
            }
        }
    }
}

#[test]
fn a_deletion_leaves_a_claim_to_its_test_too() {
    for crashes in [false, true] {
        for at in 0..14 {
            let mut world = world(Way::TakeBack);
            world.apply(&Event::Delete(0));
            for step in 0..40 {
                if step == at {
                    world.apply(&Event::DeleteObject(0));
                }
                let fault = if crashes && step == at {
                    Fault::CrashBefore
                } else {
                    Fault::None
                };
                world.apply(&Event::Step(0, fault));
                if world.running[0].is_none() {
                    world.apply(&Event::Pass(1));
                    world.apply(&Event::Observe);
                }
            }
            check(world, &(crashes, at));
        }
    }
}

#[test]
fn an_owner_of_this_cluster_that_lives_keeps_its_organization() {
    let mut world = world(Way::OwnerGone);
    let id = world.aws.orgs.keys().next().unwrap().clone();
    world.aws.orgs.get_mut(&id).unwrap().tags = tags("prod", "other");
    world.server.create(1, DeletionPolicy::Retain, world.now);
    // It only looks, so that there is no order among the two.
    world.apply(&Event::Observes(1, true));
    for _ in 0..4 {
        world.round(31);
    }
    assert_eq!(world.aws.orgs[&id].tags, tags("prod", "other"));
    let ready = world
        .object(0)
        .unwrap()
        .status
        .condition(ConditionType::Ready);
    assert_eq!(ready.unwrap().reason, "OwnershipConflict");
    assert_eq!(world.breaches, vec![]);
}
