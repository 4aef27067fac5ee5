//! Laws that hold at every step of every story, and after it.

use std::{collections::BTreeSet, sync::OnceLock};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use crate::{
    eventually,
    world::story::{Story, stories},
};

/// How many stories are told: enough for every law to have been seen to fail without its condition
/// in `decide`. `PROPTEST_CASES` tells more.
const STORIES: u32 = 1500;

/// The laws that this story breaks, and how.
fn breaches(story: &Story) -> Vec<(&'static str, String)> {
    let mut world = story.told();
    eventually::brake(&mut world);
    eventually::never_created(&mut world);
    eventually::settles(&mut world);
    eventually::plans(&mut world);
    world.breaches
}

/// Draws stories, the same ones each time, until one is false or there were enough.
fn tell(holds: impl Fn(&Story) -> Result<(), TestCaseError>) -> Result<(), String> {
    let cases = std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(STORIES);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
        .run(&stories(), |story| holds(&story))
        .map_err(|error| error.to_string())
}

/// The laws that any story breaks: all are told once for all laws.
fn broken() -> &'static BTreeSet<&'static str> {
    static BROKEN: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    BROKEN.get_or_init(|| {
        let broken = std::cell::RefCell::new(BTreeSet::new());
        tell(|story| {
            broken
                .borrow_mut()
                .extend(breaches(story).into_iter().map(|(law, _)| law));
            Ok(())
        })
        .unwrap();
        broken.into_inner()
    })
}

fn holds_always(law: &str) {
    if !broken().contains(law) {
        return;
    }
    // Told again for this law alone, so that the story becomes as short as it can.
    let shortest = tell(|story| {
        match breaches(story)
            .into_iter()
            .find(|(broken, _)| *broken == law)
        {
            None => Ok(()),
            Some((_, how)) => Err(TestCaseError::fail(format!("{law}: {how}"))),
        }
    });
    panic!(
        "{}",
        shortest.expect_err("the same stories were told twice")
    );
}

macro_rules! laws {
    ($($name:ident: $law:literal),+ $(,)?) => {
        $(#[test] fn $name() { holds_always($law); })+

        #[test]
        fn every_breach_that_the_model_can_find_belongs_to_a_law() {
            let laws = BTreeSet::from([$($law),+]);
            assert!(broken().is_subset(&laws), "{:?}", broken());
        }
    };
}

laws! {
    an_object_has_at_most_one_organization: "an object has at most one organization",
    a_create_follows_a_listing_without_somebody_elses_alias:
        "a create follows a listing without somebody else's alias",
    a_create_is_recorded_with_exactly_its_input: "a create is recorded with exactly its input",
    a_repeat_uses_the_recorded_input_and_the_same_token:
        "a repeat uses the recorded input and the same token",
    a_call_is_made_from_the_latest_view: "a call is made from the latest view",
    a_suspended_object_asks_aws_for_nothing: "a suspended object asks AWS for nothing",
    nothing_changes_in_aws_while_suspended_ended_or_with_another_account:
        "nothing changes in AWS while it must not",
    nothing_changes_in_aws_while_another_object_works_on_the_organization:
        "nothing changes in AWS while another object works on it",
    nothing_is_done_while_an_older_definition_hides_what_the_object_says:
        "nothing is done while a definition hides fields",
    only_what_is_ours_is_claimed: "only what is ours is claimed",
    nothing_is_deleted_that_was_not_asked_for_and_confirmed:
        "nothing is deleted that was not asked for",
    nothing_is_deleted_without_proof_of_ownership_in_the_same_reconcile:
        "nothing is deleted without proof",
    nothing_is_deleted_whose_last_seen_tags_named_somebody_else_while_they_are_hidden:
        "hidden tags prove nothing",
    no_tag_is_written_over_an_owner_that_was_not_read:
        "no tag is written over an owner that was not read",
    a_deletion_is_recorded_before_it_is_asked_for: "a deletion is recorded first",
    a_repeated_deletion_is_the_same_call_and_a_new_one_another:
        "a repeated deletion is the same call",
    an_accepted_deletion_is_asked_for_again_only_once_it_came_to_nothing:
        "an accepted deletion is asked for again only once it came to nothing",
    an_accepted_deletion_is_not_told_as_retained: "an accepted deletion is not told as retained",
    account_and_region_stay_while_anything_may_exist:
        "account and region stay while anything may exist",
    another_owners_organization_is_left_alone: "another owner's organization is left alone",
    managed_tag_keys_are_recorded_before_they_are_written: "what is managed is recorded first",
    nothing_is_concluded_from_one_absence_or_a_failed_look: "nothing is concluded from one absence",
    an_object_under_delete_goes_after_its_organization: "an object goes after its organization",
    the_finalizer_is_there_only_while_the_policy_is_delete:
        "the finalizer is there while the policy is Delete",
    ready_is_true_only_of_an_active_organization_with_the_tags_of_this_generation: "Ready is true",
    ready_is_false_from_the_moment_a_deletion_begins: "Ready is False once a deletion begins",
    ready_is_always_present: "Ready is always present",
    stalled_and_reconciling_are_never_both_there: "Stalled and Reconciling are never both there",
    messages_carry_no_request_ids_and_times: "messages are stable",
    nothing_changes_in_aws_under_observe_and_nothing_becomes_ours:
        "nothing changes in AWS under Observe",
    what_exists_and_has_no_owner_is_taken_only_if_that_was_asked_for:
        "what exists is taken only if asked for",
    a_claim_by_tag_is_read_again_5_s_later_before_anything_else:
        "a claim is read again before anything else",
    policy_adopt_never_creates: "policy Adopt never creates",
    what_is_to_be_adopted_is_missed_only_in_a_listing_from_after_the_object:
        "what is to be adopted is missed in a listing from after the object",
    one_step_reads_few_domains: "one step reads few domains",
    only_domains_of_the_spec_that_are_missing_are_registered:
        "only domains of the spec that are missing come",
    only_managed_domains_that_left_the_spec_and_are_no_default_are_deregistered:
        "only managed domains that left the spec leave",
    domains_that_were_there_before_are_never_managed_or_deregistered:
        "what was there before stays",
    the_default_domain_moves_as_the_spec_says_or_out_of_the_way:
        "the default moves as the spec says or out of the way",
    the_calls_planned_under_observe_are_those_that_full_makes:
        "what Observe plans is what Full does",
    every_reconcile_ends: "a reconcile ends",
    an_object_under_retain_never_hangs: "an object under Retain never hangs",
    an_object_that_was_never_created_is_released_at_once_without_aws:
        "an object that was never created is released at once",
    every_object_becomes_ready_or_stalled_or_is_released: "every object settles",
    a_settled_object_is_written_no_more: "a settled object is written no more",
}
