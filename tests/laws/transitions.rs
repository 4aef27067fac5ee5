//! Organizations that leave Active and come back, at any step: while they are away AWS hides their tags.

use rstest::rstest;
use workmail_operator::{
    api::{ConditionType, DeletionPolicy},
    logic::organization::OrganizationState as State,
};

use crate::world::{Event, Fault, World, aws::Knobs};

const KNOBS: Knobs = Knobs {
    deleted_stay: true,
    list_lags: false,
    aliases_return: true,
};

/// As many steps as an object takes to its Ready organization, and some reconciles after that.
const STEPS: usize = 30;

/// Takes steps, each after what others do just before it. Between two reconciles `pause` seconds pass,
/// AWS goes on, and everything is due to be read.
fn walk(pause: i64, others: &[(usize, Event)]) -> World {
    let mut world = World::new(KNOBS, DeletionPolicy::Delete);
    for step in 0..STEPS {
        for (_, event) in others.iter().filter(|(at, _)| *at == step) {
            world.apply(event);
        }
        world.apply(&Event::Step(0, Fault::None));
        if world.running[0].is_none() {
            world.apply(&Event::Pass(pause));
            world.apply(&Event::Advance);
            world.apply(&Event::Observe);
            world.apply(&Event::WholeLook(0));
        }
    }
    world
}

fn taken() -> Event {
    Event::TagInAws("workmail-operator.dev/cluster", "elsewhere")
}

/// One that AWS leaves by itself, one that it stays in, and one that a creation may end in.
fn away() -> [State; 3] {
    [State::Validating, State::Impaired, State::Failed]
}

#[test]
fn without_others_it_becomes_ready_and_goes_when_it_is_deleted() {
    let world = walk(1, &[]);
    let object = world.object(0).unwrap();
    assert!(object.status.is(ConditionType::Ready), "{object:?}");
    let world = walk(1, &[(STEPS / 3, Event::DeleteObject(0))]);
    assert!(world.object(0).is_none(), "{:?}", world.object(0));
    assert_eq!(world.breaches, vec![]);
}

#[rstest]
fn an_organization_that_another_took_and_that_leaves_active_is_neither_tagged_nor_deleted(
    #[values(1, 31)] pause: i64,
) {
    for state in away() {
        for took in 0..STEPS {
            for left in took..STEPS {
                for gap in [0, 1, 3, 8] {
                    let events = [
                        (took, taken()),
                        (left, Event::Become(state.clone())),
                        (left + gap, Event::DeleteObject(0)),
                    ];
                    let world = walk(pause, &events);
                    assert_eq!(world.breaches, vec![], "{pause}: {events:?}");
                }
            }
        }
    }
}

#[rstest]
fn an_organization_that_leaves_active_and_is_taken_on_its_return_is_neither_tagged_nor_deleted(
    #[values(1, 31)] pause: i64,
) {
    for state in away() {
        for left in 0..STEPS {
            for away in [1, 2, 5] {
                for gap in [0, 1, 2, 4, 8] {
                    let back = left + away;
                    let events = [
                        (left, Event::Become(state.clone())),
                        (back, Event::Advance),
                        (back, Event::Become(State::Active)),
                        (back, taken()),
                        (back + gap, Event::Become(state.clone())),
                        (back + gap + 1, Event::DeleteObject(0)),
                    ];
                    let world = walk(pause, &events);
                    assert_eq!(world.breaches, vec![], "{pause}: {events:?}");
                }
            }
        }
    }
}
