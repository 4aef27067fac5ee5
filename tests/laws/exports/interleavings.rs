//! One mailbox, and every fault at every pair of steps.

use std::time::Duration;

use workmail_operator::{api::ExportState, logic::export::JobState};

use super::world::{Fault, World};

const FAULTS: [Fault; 4] = [
    Fault::KillBefore,
    Fault::KillAfter,
    Fault::LostReply,
    Fault::Failed,
];
/// More steps than an export of one mailbox takes until its job runs and ends.
const STEPS: usize = 24;

fn each_pair(mut check: impl FnMut(World)) {
    for first in 0..STEPS {
        for second in first..STEPS {
            for (one, other) in FAULTS
                .iter()
                .flat_map(|one| FAULTS.map(|other| (*one, other)))
            {
                let mut world = World::new(1);
                world.faults.insert(first, one);
                world.faults.insert(second, other);
                check(world);
            }
        }
    }
}

#[test]
fn an_export_that_is_interrupted_anywhere_twice_is_made_once_and_is_not_missed() {
    each_pair(|mut world| {
        world.settle(600);
        assert_eq!(world.state("user00"), Some(ExportState::Completed));
        assert_eq!(world.jobs.len(), 1, "{:#?}", world.jobs);
    });
}

#[test]
fn a_list_that_lags_and_tokens_that_are_forgotten_make_no_second_job() {
    each_pair(|mut world| {
        world.list_lag = Duration::from_mins(1);
        world.token_lasts = Duration::from_mins(10);
        world.settle(600);
        assert_eq!(world.state("user00"), Some(ExportState::Completed));
        assert_eq!(world.jobs.len(), 1, "{:#?}", world.jobs);
    });
}

#[test]
fn attempts_that_fail_are_followed_by_as_many_as_the_limit_allows() {
    for (step, fault) in (0..3 * STEPS).flat_map(|step| FAULTS.map(|fault| (step, fault))) {
        let mut world = World::new(1);
        world.faults.insert(step, fault);
        world.ends_as = vec![JobState::Failed, JobState::Cancelled, JobState::Completed];
        world.settle(900);
        assert_eq!(world.state("user00"), Some(ExportState::Completed));
        assert_eq!(world.jobs.len(), 3, "{:#?}", world.jobs);
    }
}

#[test]
fn a_deleted_export_cancels_its_job_and_leaves_nothing_running_that_could_be_found() {
    each_pair(|mut world| {
        world.reconcile("user00");
        world.pass(Duration::from_mins(1));
        let now = world.now;
        let object = world.objects.get_mut("user00").unwrap();
        object.deleted_at = Some(now);
        for _ in 0..40 {
            world.reconcile("user00");
            world.pass(Duration::from_secs(5));
        }
        assert!(world.objects["user00"].is_gone, "{:#?}", world.objects);
        assert_eq!(world.running(), 0, "{:#?}", world.jobs);
    });
}
