//! What is verified before an export counts as done.

use rstest::rstest;
use workmail_operator::api::{
    AttemptState, ConditionStatus, ExportState, ProofReason, Verification,
};

use super::world::{Fault, World, Written, zip};

fn verifying() -> World {
    let mut world = World::new(1);
    world.verification = Verification::Content;
    world
}

/// The status and the reason of a condition.
fn condition(world: &World, kind: &str) -> Option<(ConditionStatus, String)> {
    let mut conditions = world.objects["user00"].status.conditions.iter();
    let found = conditions.find(|one| one.r#type == kind)?;
    Some((found.status, found.reason.clone()))
}

fn verified(world: &World) -> Option<ConditionStatus> {
    condition(world, "Verified").map(|(status, _)| status)
}

#[test]
fn a_verified_export_says_what_its_zip_has_and_which_version_it_is() {
    let mut world = verifying();
    world.settle(10);
    let status = &world.objects["user00"].status;
    assert_eq!(verified(&world), Some(ConditionStatus::True));
    assert!(condition(&world, "Complete").is_some());
    assert_eq!(status.version_id.as_deref(), Some("v1"));
    let proof = status.proof.as_ref().unwrap();
    assert_eq!(
        (proof.entries, proof.uncompressed_bytes),
        (Some(1), Some(1000))
    );
    assert_eq!(proof.ratio_percent, Some(100));
    assert_eq!(serde_json::to_value(proof).unwrap()["ratio"], 1.0);
}

#[rstest]
#[case::truncated(Written::Zip(zip(1000)[..90].to_vec()), 1000, ProofReason::Unreadable)]
#[case::empty(Written::Zip(Vec::new()), 1000, ProofReason::Unreadable)]
#[case::no_zip(Written::Zip(vec![b'x'; 4000]), 1000, ProofReason::Unreadable)]
#[case::small(Written::Zip(zip(1000)), 5_000_000, ProofReason::SmallerThanMailbox)]
#[case::missing(Written::Nothing, 1000, ProofReason::Missing)]
#[case::with_another_key(
    Written::WithAnotherKey(zip(1000)),
    1000,
    ProofReason::EncryptedOtherwise
)]
fn a_wrong_export_is_a_failed_attempt_and_another_follows(
    #[case] written: Written,
    #[case] mailbox_bytes: u64,
    #[case] reason: ProofReason,
) {
    let mut world = verifying();
    world.mailbox_bytes = mailbox_bytes;
    world.writes = vec![written, Written::Zip(zip(5_000_000))];
    world.settle_for(5);
    let status = world.objects["user00"].status.clone();
    assert_eq!(status.state, Some(ExportState::Queued));
    assert_eq!(verified(&world), Some(ConditionStatus::False));
    assert_eq!(
        status.proof.as_ref().map(|proof| proof.reason),
        Some(reason)
    );
    assert_eq!(status.attempts[0].state, AttemptState::Failed);
    assert!(status.attempts[0].error.is_some());
    assert_eq!(status.s3_path, None, "a wrong object is no export");
    assert!(condition(&world, "Complete").is_none());
    world.settle(400);
    assert_eq!(world.jobs.len(), 2);
    assert_eq!(verified(&world), Some(ConditionStatus::True));
}

#[test]
fn a_mailbox_whose_exports_are_all_wrong_has_failed() {
    let mut world = verifying();
    world.writes = vec![Written::Nothing; 3];
    world.settle(900);
    assert_eq!(world.state("user00"), Some(ExportState::Failed));
    assert_eq!(verified(&world), Some(ConditionStatus::False));
    assert!(condition(&world, "Failed").is_some());
    assert_eq!(world.jobs.len(), 3);
}

#[test]
fn an_export_that_cannot_be_read_is_neither_right_nor_wrong_and_is_read_again() {
    let mut world = verifying();
    world.is_unreadable = true;
    world.settle_for(300);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
    let (status, reason) = condition(&world, "Verified").unwrap();
    assert_eq!(
        (status, reason.as_str()),
        (ConditionStatus::Unknown, "ReadFailed")
    );
    assert_eq!(condition(&world, "Ready").unwrap().1, "AccessDenied");
    assert!(condition(&world, "Complete").is_none());
    assert!(!world.objects["user00"].has_finalizer, "no job runs");
    world.is_unreadable = false;
    world.settle(10);
    assert_eq!(verified(&world), Some(ConditionStatus::True));
    assert_eq!(world.jobs.len(), 1, "it is not exported again");
}

#[test]
fn what_is_not_to_be_verified_is_not_read() {
    let mut world = verifying();
    world.verification = Verification::None;
    world.is_unreadable = true;
    world.settle(10);
    assert!(condition(&world, "Complete").is_some());
    assert_eq!(verified(&world), None);
}

#[test]
fn a_head_reads_no_zip() {
    let mut world = verifying();
    world.verification = Verification::Head;
    world.writes = vec![Written::Zip(vec![b'x'; 4000])];
    world.settle(10);
    assert_eq!(verified(&world), Some(ConditionStatus::True));
    let proof = world.objects["user00"].status.proof.clone().unwrap();
    assert_eq!(
        (proof.entries, proof.verification),
        (None, Verification::Head)
    );
}

#[test]
fn a_verification_that_is_interrupted_anywhere_ends_with_the_same_proof_and_one_job() {
    let faults = [
        Fault::KillBefore,
        Fault::KillAfter,
        Fault::LostReply,
        Fault::Failed,
    ];
    let steps = 0..30;
    for (first, second) in steps
        .clone()
        .flat_map(|one| steps.clone().map(move |two| (one, two)))
    {
        for fault in faults {
            let mut world = verifying();
            world.faults.insert(first, fault);
            world.faults.insert(second, fault);
            world.settle(600);
            assert_eq!(verified(&world), Some(ConditionStatus::True));
            assert_eq!(world.jobs.len(), 1, "{:#?}", world.jobs);
        }
    }
}

#[test]
fn nothing_is_begun_or_read_by_the_role_of_an_account() {
    let mut world = verifying();
    world.read_role = Some("arn:aws:iam::123456789012:role/workmail-operator-mail".to_owned());
    world.reads_as_account = true;
    world.settle_for(3);
    assert!(world.jobs.is_empty());
    assert_eq!(condition(&world, "Ready").unwrap().1, "DestinationRefused");
    // It became one while the job ran.
    world.reads_as_account = false;
    world.reconcile("user00");
    world.reads_as_account = true;
    world.settle_for(5);
    assert_eq!(world.state("user00"), Some(ExportState::Completed));
    assert_eq!(verified(&world), Some(ConditionStatus::Unknown));
    assert_eq!(condition(&world, "Ready").unwrap().1, "DestinationRefused");
}
