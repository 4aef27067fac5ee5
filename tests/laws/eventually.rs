//! What comes of every story once faults and edits have stopped.

use workmail_operator::{
    api::{
        ConditionType, DeletionPolicy, FINALIZER, ManagementPolicy, Reason,
        WorkMailOrganizationSpec,
    },
    logic::organization::{Call, Outcome},
};

use crate::world::{World, server::Object};

/// In so many rounds everything is settled: the longest wait is that of 15 minutes, twice.
const ROUNDS: i64 = 60;

/// The emergency brake: an object under Retain goes, whoever is down.
pub(crate) fn brake(world: &mut World) {
    let mut braked = world.clone();
    braked.aws_is_down = true;
    braked.running = [None, None];
    for slot in 0..braked.slots() {
        braked.server.edit(slot, |spec| {
            spec.deletion_policy = DeletionPolicy::Retain;
        });
        braked.server.delete(slot);
        braked.reconcile(slot);
        if let Some(object) = braked.object(slot) {
            let how = format!("{object:?}");
            world.broken("an object under Retain never hangs", how);
        }
    }
}

/// What was never created is released at once, suspended or not, without a call.
pub(crate) fn never_created(world: &mut World) {
    let mut left = world.clone();
    left.aws_is_down = true;
    left.running = [None, None];
    for slot in 0..left.slots() {
        let memory = left.object(slot).map(|object| &object.status.memory);
        if memory.is_none_or(|memory| memory.organization_id.is_some() || memory.pending.is_some())
        {
            continue;
        }
        left.server.edit(slot, |spec| {
            spec.deletion_policy = DeletionPolicy::Delete;
            spec.suspend = true;
        });
        left.reconcile(slot);
        let requests = left.requests;
        left.server.delete(slot);
        left.reconcile(slot);
        if left.object(slot).is_some() || left.requests != requests {
            let how = format!("{FINALIZER} stays: {:?}", left.object(slot));
            world.broken("an object that was never created is released at once", how);
        }
    }
}

/// Whether nothing more is to be done for this object.
fn is_settled(world: &World, object: &Object) -> bool {
    let generation = object.status.observed_generation == Some(object.generation);
    let (ready, stalled) = (ConditionType::Ready, ConditionType::Stalled);
    let rests = object.spec.suspend || world.ended;
    // What is to be adopted may come any day.
    let waits = object
        .status
        .condition(ready)
        .is_some_and(|seen| seen.reason == Reason::NotFound.as_str());
    generation && (object.status.is(ready) || object.status.is(stalled) || waits)
        || rests && !object.deleting
}

fn all_settled(world: &World) -> bool {
    (0..world.slots())
        .filter_map(|slot| world.object(slot))
        .all(|object| is_settled(world, object))
        && !world.aws.orgs.values().any(|org| org.state.in_transition())
}

/// Every object becomes Ready, is Stalled with a reason, or goes; and then nothing is written any more.
pub(crate) fn settles(world: &mut World) {
    calm(world);
    for slot in 0..world.slots() {
        let Some(object) = world.object(slot) else {
            continue;
        };
        let wanted = object.spec.deletion_policy == DeletionPolicy::Delete;
        if !object.deleting && object.finalizer != wanted {
            let how = format!("at rest: {object:?}");
            world.broken("the finalizer is there while the policy is Delete", how);
        }
    }
}

fn calm(world: &mut World) {
    world.heal();
    // What is young may be missing without a word, and what nobody publishes becomes overdue: that
    // time passes first.
    world.pass(if world.dns_waits { 300_000 } else { 960 });
    let mut quiet = 0;
    for round in 0..ROUNDS {
        let before: Vec<_> = world.server.objects.clone();
        let (writes, effects) = (world.writes, world.effects);
        world.round(if round % 8 == 7 { 960 } else { 31 });
        if !all_settled(world) {
            quiet = 0;
            continue;
        }
        // Settled after this round: in the next a domain is verified and made the default, in the one
        // after it whoever only looks sees that, and from then on nothing may change.
        quiet += 1;
        if quiet > 3 {
            compare(world, &before, writes, effects);
        }
        if quiet > 5 {
            return;
        }
    }
    if quiet == 0 {
        let how = format!("{:?} rested with {:?}", world.server.objects, world.rested);
        world.broken("every object settles", how);
    }
}

fn compare(world: &mut World, before: &[Option<Object>], writes: u32, effects: u32) {
    // A refused create or deletion is asked for again now and then: its intent is recorded anew, and
    // removed with the refusal.
    let refused = world
        .rested
        .iter()
        .flatten()
        .any(|outcome| matches!(outcome, Outcome::Failed(failure) if !failure.read_failed));
    let statuses = |objects: &[Option<Object>]| {
        objects
            .iter()
            .map(|object| object.as_ref().map(|object| object.status.clone()))
            .collect::<Vec<_>>()
    };
    let same = statuses(before) == statuses(&world.server.objects);
    if !same || world.effects != effects || world.writes != writes && !refused {
        let how = format!("{before:?} became {:?}", world.server.objects);
        world.broken("a settled object is written no more", how);
    }
}

/// What an object under Observe plans is what Full does, call for call, while AWS takes the calls.
pub(crate) fn plans(world: &mut World) {
    let mut observing = world.clone();
    let Some(object) = observing.object(0) else {
        return;
    };
    // Beside another object there is an order among the two, in which one under Observe has no place.
    if object.deleting || object.spec.suspend || observing.ended || observing.slots() > 1 {
        return;
    }
    observing.dns_waits = true;
    let observes =
        |policy| move |spec: &mut WorkMailOrganizationSpec| spec.management_policy = policy;
    observing
        .server
        .edit(0, observes(ManagementPolicy::Observe));
    observing
        .server
        .alter(0, |object| object.requested = Some("a plan".into()));
    observing.planned[0] = None;
    for _ in 0..4 {
        observing.round(31);
    }
    let Some(plan) = observing.planned[0].clone() else {
        return;
    };
    observing.server.edit(0, observes(ManagementPolicy::Full));
    observing.calls.clear();
    for _ in 0..8 {
        observing.round(31);
    }
    let calls = observing.calls.iter();
    let refused = calls.clone().position(|(_, done)| !done);
    let created = (calls.clone()).position(|(call, _)| matches!(call, Call::Create { .. }));
    // What AWS refuses, and what comes after it, was not to be foreseen; nor what follows a create.
    let created = created.map(|at| at + 1);
    let end = refused.into_iter().chain(created).min();
    let made: Vec<Call> = calls
        .take(end.unwrap_or(usize::MAX))
        .map(|(call, _)| call.clone())
        .collect();
    let was_refused = end.is_some() && end == refused;
    let holds = made == plan || was_refused && plan.starts_with(&made);
    let how = format!(
        "{plan:?} was planned, {made:?} made, {:?}",
        observing.object(0)
    );
    world.breaches.extend(observing.breaches);
    if !holds {
        world.broken("what Observe plans is what Full does", how);
    }
}
