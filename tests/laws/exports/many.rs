//! Many mailboxes, one queue, and kills on the way.

use std::time::Duration;

use proptest::prelude::*;
use workmail_operator::{api::ExportState, logic::export::JobState};

use super::world::{Fault, World};

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::KillBefore),
        Just(Fault::KillAfter),
        Just(Fault::LostReply),
        Just(Fault::Failed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn with_ten_faults_on_the_way_none_is_exported_twice_and_none_is_missed(
        faults in prop::collection::btree_map(0_usize..600, fault(), 10),
        lag in 0_u64..90,
        ends in prop::collection::vec(prop_oneof![
            4 => Just(JobState::Completed), 1 => Just(JobState::Failed), 1 => Just(JobState::Cancelled)
        ], 0..10),
    ) {
        let mut world = World::new(25);
        world.faults = faults;
        world.list_lag = Duration::from_secs(lag);
        world.ends_as = ends;
        world.backoff_limit = 10;
        world.settle(3000);
        prop_assert!(world.objects.keys().all(|name| world.state(name) == Some(ExportState::Completed)));
        prop_assert!(world.most_running <= 10, "{}", world.most_running);
        let completed = world.jobs.iter().filter(|job| job.job.state == JobState::Completed);
        prop_assert_eq!(completed.count(), 25);
    }
}

#[test]
fn ten_run_at_once_as_long_as_there_is_work() {
    let mut world = World::new(25);
    world.settle(100);
    assert_eq!(world.most_running, 10);
    assert_eq!(world.jobs.len(), 25);
}
