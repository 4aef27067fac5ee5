//! Accounts and their rules: nothing fails open, and no call is made that the rule of that moment forbids.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use workmail_operator::{
    api::{AccountRef, AdoptionPolicy, DeletionPolicy, ManagementPolicy, Reason},
    logic::{
        account::{Account, Known},
        organization::{Call, OrganizationState as State, Outcome},
    },
};

use crate::world::{Fault, OURS, World, aws::Knobs, server::Object};

const KNOBS: Knobs = Knobs {
    deleted_stay: true,
    list_lags: false,
    aliases_return: false,
};

fn account(name: &str, rules: &Value) -> (String, Arc<Account>) {
    let object = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": name}, "spec": {"rules": rules},
    });
    let parsed = Account::parse(&serde_json::from_value(object).unwrap()).unwrap();
    (name.to_owned(), Arc::new(parsed))
}

fn listed(accounts: impl IntoIterator<Item = (String, Arc<Account>)>) -> Known {
    Known::Listed(accounts.into_iter().collect())
}

/// A world in which the object's account is under this rule.
fn under(rule: &Value) -> World {
    let mut world = World::new(KNOBS, DeletionPolicy::Retain);
    world.accounts.known = listed([account("default", &json!([rule]))]);
    world
}

/// Makes the object's organization Active.
fn active(world: &mut World) {
    for _ in 0..6 {
        world.round(60);
    }
    assert_eq!(world.rested[0], Some(Outcome::Active));
}

fn reason(world: &World) -> Option<Reason> {
    match &world.rested[0] {
        Some(Outcome::Failed(failure)) => Some(failure.reason),
        _ => None,
    }
}

/// Reconciles once, and asserts that this is told and AWS is not asked for anything.
fn assert_refused(world: &mut World, expected: Reason) {
    let requests = world.requests;
    world.pass(60);
    world.reconcile(0);
    assert_eq!(reason(world), Some(expected), "{:?}", world.rested[0]);
    assert_eq!(world.requests, requests, "AWS was asked");
}

#[rstest]
#[case::alias(json!({"aliases": ["other-*"]}))]
#[case::alias_none(json!({"aliases": []}))]
#[case::namespace(json!({"namespaces": {"names": ["other"]}}))]
fn what_a_rule_does_not_allow_is_told_and_makes_no_call(#[case] rule: Value) {
    assert_refused(&mut under(&rule), Reason::AccountNotAllowed);
}

#[test]
fn names_in_the_spec_are_allowed_one_by_one() {
    type Edit = fn(&mut World);
    let edits: [(Edit, Value); 4] = [
        (
            |world| {
                world
                    .server
                    .edit(0, |spec| spec.directory_id = Some("d-0123456789".into()));
            },
            json!({"directories": ["d-0123456789"]}),
        ),
        (
            |world| {
                let key = Some("arn:aws:kms:us-east-1:111111111111:key/1".into());
                world.server.edit(0, |spec| spec.kms_key_arn = key);
            },
            json!({"kmsKeys": ["*"]}),
        ),
        (
            |world| {
                world
                    .server
                    .edit(0, |spec| spec.adoption_policy = AdoptionPolicy::Adopt);
            },
            json!({"adopt": true}),
        ),
        (
            |world| {
                world
                    .server
                    .edit(0, |spec| spec.management_policy = ManagementPolicy::Observe);
            },
            json!({"adopt": true}),
        ),
    ];
    for (edit, rule) in edits {
        let mut world = under(&json!({}));
        edit(&mut world);
        assert_refused(&mut world, Reason::AccountNotAllowed);
        world.accounts.known = listed([account("default", &json!([rule]))]);
        world.reconcile(0);
        assert_ne!(reason(&world), Some(Reason::AccountNotAllowed), "{rule}");
    }
}

#[rstest]
#[case::unread(Known::Unread, Reason::ServiceUnavailable)]
#[case::the_definition_is_not_there(
    Known::Outdated(["workmailaccounts.workmail-operator.dev".to_owned()].into()),
    Reason::SchemaOutdated
)]
#[case::others_only(listed([account("other", &json!([{}]))]), Reason::AccountNotFound)]
fn without_a_complete_list_that_shows_no_account_no_call_is_made(
    #[case] known: Known,
    #[case] expected: Reason,
) {
    let mut world = World::new(KNOBS, DeletionPolicy::Retain);
    world.accounts.known = known;
    assert_refused(&mut world, expected);
}

#[test]
fn an_object_whose_account_is_deleted_waits_as_it_is_even_when_no_account_is_left() {
    let mut world = under(&json!({"delete": true}));
    active(&mut world);
    let used = |world: &World| world.object(0).unwrap().status.memory.account_name.clone();
    assert_eq!(used(&world).as_deref(), Some("default"));
    world.accounts.known = listed([]);
    assert_refused(&mut world, Reason::AccountNotFound);
    assert_eq!(used(&world).as_deref(), Some("default"));
    world
        .server
        .edit(0, |spec| spec.deletion_policy = DeletionPolicy::Delete);
    world.reconcile(0);
    world.server.delete(0);
    assert_refused(&mut world, Reason::AccountNotFound);
    assert!(world.object(0).is_some(), "it waits");
    assert!(
        world
            .aws
            .orgs
            .values()
            .all(|org| org.state == State::Active)
    );
}

#[test]
fn a_changed_account_ref_is_judged_by_the_new_account_before_any_call() {
    let mut world = under(&json!({}));
    active(&mut world);
    let strict = account("strict", &json!([{"aliases": ["other"]}]));
    world.accounts.known = listed([account("default", &json!([{}])), strict]);
    let strict = Some(AccountRef {
        name: "strict".into(),
    });
    world.server.edit(0, |spec| spec.account_ref = strict);
    assert_refused(&mut world, Reason::AccountNotAllowed);
}

#[test]
fn deletion_needs_the_permission_to_delete() {
    let mut world = under(&json!({}));
    world
        .server
        .edit(0, |spec| spec.deletion_policy = DeletionPolicy::Delete);
    active(&mut world);
    world.server.delete(0);
    for _ in 0..3 {
        assert_refused(&mut world, Reason::AccountNotAllowed);
    }
    world.accounts.known = listed([account("default", &json!([{"delete": true}]))]);
    for _ in 0..6 {
        world.round(60);
    }
    assert!(world.object(0).is_none(), "{:?}", world.rested[0]);
}

#[test]
fn the_accounts_tags_win_over_the_specs_and_go_with_the_account() {
    let mut world = under(&json!({}));
    let tagged = json!({
        "apiVersion": "workmail-operator.dev/v1alpha1", "kind": "WorkMailAccount",
        "metadata": {"name": "default"},
        "spec": {"tags": {"team": "platform"}, "rules": [{}]},
    });
    let tagged = Account::parse(&serde_json::from_value(tagged).unwrap()).unwrap();
    world.accounts.known = listed([("default".to_owned(), Arc::new(tagged))]);
    world.server.edit(0, |spec| {
        spec.tags = BTreeMap::from([("team".to_owned(), "mail".to_owned())]);
    });
    active(&mut world);
    let team = |world: &World| {
        let org = world.aws.orgs.values().next().unwrap();
        org.tags.get("team").cloned()
    };
    assert_eq!(team(&world).as_deref(), Some("platform"));
    world.accounts.known = listed([account("default", &json!([{}]))]);
    world.round(60);
    world.round(60);
    assert_eq!(team(&world).as_deref(), Some("mail"));
}

/// What this call needs of a rule, beside its namespace and alias.
fn is_allowed(world: &World, object: &Object, call: &Call, claims: bool) -> bool {
    let access = world.access(object);
    let Some((_, _, rule)) = access.granted() else {
        return false;
    };
    let alias = rule.aliases.as_ref().is_none_or(|all| !all.is_empty());
    match call {
        Call::Create { .. } => alias,
        Call::Tag { .. } => !claims || rule.adopt || rule.take_over,
        Call::Delete(_) => rule.delete,
        Call::Untag { .. }
        | Call::Register { .. }
        | Call::SetDefault { .. }
        | Call::Deregister { .. } => true,
    }
}

proptest! {
    /// Rules come and go between any two steps: no call is made that the rule of that moment forbids.
    #[test]
    fn no_call_is_made_that_the_rule_of_that_moment_forbids(
        exists in any::<bool>(),
        adoption in prop::sample::select(vec![AdoptionPolicy::Create, AdoptionPolicy::AdoptOrCreate]),
        deletes in any::<bool>(),
        rules in prop::collection::vec(0_u8..10, 1..60),
    ) {
        let policy = if deletes { DeletionPolicy::Delete } else { DeletionPolicy::Retain };
        let mut world = World::new(KNOBS, policy);
        if exists {
            let id = world.aws.make(OURS, "acme", world.now);
            let now = world.now;
            world.aws.orgs.get_mut(&id).unwrap().become_one(State::Active, now);
            world.pass(960);
        }
        world.server.edit(0, |spec| spec.adoption_policy = adoption);
        for (step, rule) in rules.into_iter().enumerate() {
            let permissive = json!({"adopt": true, "delete": true});
            world.accounts.known = match rule {
                0 => listed([account("default", &json!([{"aliases": []}]))]),
                1 => listed([account("default", &json!([{"adopt": true}]))]),
                2 => listed([account("default", &json!([{"delete": true}]))]),
                3 => listed([account("default", &json!([]))]),
                4 => listed([account("other", &json!([permissive]))]),
                5 => Known::Unread,
                _ => listed([account("default", &json!([permissive]))]),
            };
            if step == 30 {
                world.server.delete(0);
            }
            if step % 7 == 0 {
                world.pass(60);
                let now = world.now;
                world.aws.advance(now);
                world.observe(OURS);
            }
            let Some(object) = world.object(0).cloned() else { break };
            let made = world.calls.len();
            let claims = world.running[0].as_ref().is_some_and(|running| running.view().claims());
            world.step(0, &Fault::None);
            for (call, _) in &world.calls[made..] {
                prop_assert!(
                    is_allowed(&world, &object, call, claims),
                    "{call:?} under {:?}", world.accounts.known
                );
            }
        }
        prop_assert!(world.breaches.is_empty(), "{:?}", world.breaches);
    }
}
