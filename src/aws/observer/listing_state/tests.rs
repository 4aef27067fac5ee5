use tokio::time::advance;

use super::*;
use crate::logic::AccountId;
use crate::logic::{ErrorKind, Operation, organization::OrganizationState};

const TIMING: Timing = Timing {
    resync: Duration::from_mins(5),
    unreachable: Duration::from_mins(15),
};

fn object(name: &str) -> ObjectKey {
    ObjectKey {
        namespace: "mail".into(),
        name: name.into(),
        uid: name.into(),
    }
}

fn organization(name: &str, state: OrganizationState) -> Summary {
    Summary {
        id: OrganizationId::from(name),
        alias: name.into(),
        state,
        default_domain: None,
        error_message: None,
    }
}

fn see(listing_state: &mut ListingState, organizations: Vec<Summary>) -> Vec<ObjectKey> {
    let snapshot = Snapshot::of(AccountId::from("1"), organizations);
    listing_state.see(snapshot, TIMING)
}

fn follow(listing_state: &mut ListingState, name: &str, state: OrganizationState) -> bool {
    let summary = organization(name, state);
    let in_transition = summary.state.in_transition();
    listing_state.follow(
        &object(name),
        &summary.id.clone(),
        Presence::Present(summary),
        in_transition,
    )
}

fn following(name: &str, state: OrganizationState) -> ListingState {
    let mut listing_state = ListingState::default();
    follow(&mut listing_state, name, state);
    listing_state
}

fn wait(listing_state: &ListingState) -> Duration {
    let now = Instant::now();
    listing_state.due(now).unwrap().duration_since(now)
}

/// Asks for an object's part of a listing begun since then.
fn ask(listing_state: &mut ListingState, name: &str, id: Option<&str>, since: Instant) -> Reply {
    let id = id.map(OrganizationId::from);
    listing_state.ask(&Question {
        account: &AccountId::from("1"),
        object: &object(name),
        id: id.as_ref(),
        alias: name,
        made: None,
        since,
        fresh_since: since,
        asked: Instant::now(),
    })
}

fn listing(reply: Reply) -> Listing {
    let Reply::Seen(listing) = reply else {
        panic!("{reply:?}");
    };
    listing
}

const ABSENT: Presence<Summary> = Presence::Absent { confirmed: false };

/// Settled organizations on three pages, and `creating` that are not.
fn three_pages(creating: usize) -> ListingState {
    let mut listing_state = ListingState::default();
    let rows: Vec<_> = (0..300)
        .map(|number| {
            let state = if number < creating {
                OrganizationState::Creating
            } else {
                OrganizationState::Active
            };
            organization(&format!("org-{number}"), state)
        })
        .collect();
    see(&mut listing_state, rows.clone());
    for row in rows {
        follow(&mut listing_state, &row.alias, row.state);
    }
    listing_state
}

#[tokio::test(start_paused = true)]
async fn nobody_to_tell_is_no_reason_to_look() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    assert_eq!(listing_state.due(Instant::now()), None);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_needs_is_looked_at_now() {
    let mut listing_state = following("acme", OrganizationState::Active);
    listing_state.demand = Some(Instant::now());
    assert_eq!(wait(&listing_state), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn settled_organizations_are_listed_every_resync_interval_and_never_later() {
    let mut listing_state = following("acme", OrganizationState::Active);
    let mut waits = BTreeSet::new();
    for _ in 0..100 {
        let active = organization("acme", OrganizationState::Active);
        see(&mut listing_state, vec![active]);
        let wait = wait(&listing_state);
        assert!(wait <= TIMING.resync && wait >= TIMING.resync.mul_f64(0.9));
        waits.insert(wait);
    }
    assert!(waits.len() > 10, "many clusters of one account spread out");
}

#[tokio::test(start_paused = true)]
async fn a_transition_is_looked_at_after_four_percent_of_its_age_within_a_second_and_thirty() {
    for (age, expected) in [(0, 1), (10, 1), (100, 4), (3600, 30)] {
        let mut listing_state = following("acme", OrganizationState::Creating);
        advance(Duration::from_secs(age)).await;
        let creating = organization("acme", OrganizationState::Creating);
        see(&mut listing_state, vec![creating]);
        assert_eq!(
            wait(&listing_state),
            Duration::from_secs(expected),
            "at {age} s"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_youngest_transition_sets_the_pace_and_the_end_of_the_last_one_ends_it() {
    let mut listing_state = three_pages(2);
    advance(Duration::from_secs(100)).await;
    follow(&mut listing_state, "org-299", OrganizationState::Deleting);
    listing_state.apply_descriptions(vec![], Instant::now());
    assert_eq!(wait(&listing_state), Duration::from_secs(1));
    follow(&mut listing_state, "org-299", OrganizationState::Deleted);
    assert_eq!(wait(&listing_state), Duration::from_secs(4));
    follow(&mut listing_state, "org-0", OrganizationState::Active);
    assert!(listing_state.forget(&object("org-1")));
    assert!(wait(&listing_state) > LONGEST);
}

#[tokio::test(start_paused = true)]
async fn a_look_is_the_cheaper_of_the_pages_and_one_call_for_each_in_transition() {
    let ids = |names: &[&str]| {
        names
            .iter()
            .map(|name| OrganizationId::from(*name))
            .collect()
    };
    let plan = |creating| three_pages(creating).plan(Instant::now());
    assert_eq!(plan(1), Read::Each(ids(&["org-0"])));
    assert_eq!(plan(2), Read::Each(ids(&["org-0", "org-1"])));
    assert_eq!(plan(3), Read::List, "as many calls, and it sees all");
    let mut one_page = following("acme", OrganizationState::Creating);
    see(&mut one_page, vec![]);
    assert_eq!(one_page.plan(Instant::now()), Read::List);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_looked_at_whenever_it_is_due_or_somebody_needs_it() {
    let mut listing_state = three_pages(1);
    listing_state.demand = Some(Instant::now() + Duration::from_millis(1));
    assert_eq!(listing_state.plan(Instant::now()), Read::List);
    listing_state.demand = None;
    let later = Instant::now() + TIMING.resync;
    assert_eq!(listing_state.plan(later), Read::List);
    listing_state.prefer_list_until(later);
    assert_eq!(
        listing_state.plan(Instant::now()),
        Read::List,
        "none could be had"
    );
}

#[tokio::test(start_paused = true)]
async fn what_one_was_described_as_is_told_and_stands_in_the_listing() {
    let mut listing_state = three_pages(2);
    let account = AccountId::from("1");
    let active = organization("org-0", OrganizationState::Active);
    let creating = organization("org-1", OrganizationState::Creating);
    let told = listing_state.apply_descriptions(vec![active, creating], Instant::now());
    assert_eq!(told, [object("org-0")]);
    let now = Instant::now();
    let reply = listing_state.ask(&Question {
        account: &account,
        object: &object("org-0"),
        id: Some(&OrganizationId::from("org-0")),
        alias: "org-0",
        since: now,
        made: None,
        fresh_since: now,
        asked: now,
    });
    let Reply::Seen(listing) = reply else {
        panic!("{reply:?}");
    };
    let active = organization("org-0", OrganizationState::Active);
    assert_eq!(listing.by_id, Some(Presence::Present(active)));
}

#[tokio::test(start_paused = true)]
async fn only_objects_whose_organization_changed_are_told_and_once() {
    let mut listing_state = following("acme", OrganizationState::Creating);
    follow(&mut listing_state, "other", OrganizationState::Active);
    let other = organization("other", OrganizationState::Active);
    let unchanged = vec![
        organization("acme", OrganizationState::Creating),
        other.clone(),
    ];
    assert!(see(&mut listing_state, unchanged).is_empty());
    let changed = vec![organization("acme", OrganizationState::Active), other];
    assert_eq!(see(&mut listing_state, changed.clone()), [object("acme")]);
    assert!(see(&mut listing_state, changed).is_empty(), "told once");
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_organization_is_another_waits_for_nothing_of_the_old_one() {
    let mut listing_state = three_pages(1);
    let now = Instant::now();
    listing_state.ask(&Question {
        account: &AccountId::from("1"),
        object: &object("org-0"),
        id: None,
        alias: "org-0",
        since: now,
        made: None,
        fresh_since: now,
        asked: now,
    });
    assert!(listing_state.transitions.is_empty());
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_tell_nobody_for_fifteen_minutes_then_everybody_and_so_does_their_end() {
    let mut listing_state = following("acme", OrganizationState::Active);
    let error = || CallError::new(Operation::ListOrganizations, ErrorKind::ServerFault);
    let fail = |listing_state: &mut ListingState| {
        listing_state.apply_failure(error(), TIMING.unreachable, Instant::now())
    };
    assert!(fail(&mut listing_state).is_empty());
    assert_eq!(wait(&listing_state), Duration::from_secs(1));
    advance(TIMING.unreachable / 2).await;
    assert!(fail(&mut listing_state).is_empty());
    assert_eq!(wait(&listing_state), Duration::from_secs(2), "it backs off");
    advance(TIMING.unreachable / 2).await;
    assert_eq!(fail(&mut listing_state), [object("acme")]);
    let active = vec![organization("acme", OrganizationState::Active)];
    assert_eq!(
        see(&mut listing_state, active),
        [object("acme")],
        "it can be seen again"
    );
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_appears_wakes_every_object_that_found_nothing_under_it_once() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    for name in ["one", "two", "other"] {
        ask(&mut listing_state, name, None, Instant::now());
        let wanted = Wanted::Alias(if name == "other" { name } else { "acme" }.into());
        assert!(!listing_state.wait_for(&object(name), wanted, None));
    }
    assert!(wait(&listing_state) <= TIMING.resync, "it is looked for");
    let creating = vec![organization("acme", OrganizationState::Creating)];
    let mut told = see(&mut listing_state, creating.clone());
    told.sort();
    assert_eq!(told, [object("one"), object("two")]);
    assert!(
        see(&mut listing_state, creating.clone()).is_empty(),
        "told once"
    );
    let acme = creating.first().cloned();
    listing_state.wait_for(&object("one"), Wanted::Alias("acme".into()), acme);
    let validating = organization("acme", OrganizationState::Validating);
    assert!(
        see(&mut listing_state, vec![validating]).is_empty(),
        "no other"
    );
    let active = organization("acme", OrganizationState::Active);
    assert_eq!(see(&mut listing_state, vec![active]), [object("one")]);
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_is_awaited_by_its_id_wakes_its_object_unless_it_is_deleted() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    ask(&mut listing_state, "acme", Some("m-1"), Instant::now());
    let wanted = Wanted::Id(OrganizationId::from("m-1"));
    listing_state.wait_for(&object("acme"), wanted, None);
    let deleted = organization("m-1", OrganizationState::Deleted);
    assert!(see(&mut listing_state, vec![deleted]).is_empty());
    let active = organization("m-1", OrganizationState::Active);
    assert_eq!(see(&mut listing_state, vec![active]), [object("acme")]);
}

#[tokio::test(start_paused = true)]
async fn what_appeared_while_a_reconcile_was_at_work_wakes_it_at_once() {
    let mut listing_state = ListingState::default();
    see(
        &mut listing_state,
        vec![organization("acme", OrganizationState::Active)],
    );
    let wanted = Wanted::Alias("acme".into());
    assert!(listing_state.wait_for(&object("acme"), wanted, None));
}

#[tokio::test(start_paused = true)]
async fn one_listing_serves_all_who_wait_for_one_begun_since_they_were_seen() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    let mut seen = Vec::new();
    for _ in 0..12 {
        advance(Duration::from_secs(1)).await;
        seen.push(Instant::now());
    }
    for since in &seen {
        let reply = ask(&mut listing_state, "acme", None, *since);
        assert!(matches!(reply, Reply::NotYet), "{reply:?}");
    }
    assert_eq!(listing_state.due(Instant::now()), Some(Instant::now()));
    see(&mut listing_state, vec![]);
    for since in seen {
        assert!(listing(ask(&mut listing_state, "acme", None, since)).fresh);
    }
    assert!(!listing_state.is_demanded());
}

#[tokio::test(start_paused = true)]
async fn a_listing_begun_before_the_create_is_no_absence_of_what_it_makes() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    let before = Instant::now();
    advance(Duration::from_mins(4)).await;
    ask(&mut listing_state, "acme", None, before);
    listing_state.may_appear(&object("acme"));
    // The old listing is asked once more, with the id that the create was answered with.
    let old = listing(ask(&mut listing_state, "acme", Some("m-1"), before));
    assert_eq!((old.by_id, old.by_alias), (Some(ABSENT), ABSENT));
    advance(Duration::from_secs(1)).await;
    see(&mut listing_state, vec![]);
    let now = Instant::now();
    let lagging = listing(ask(&mut listing_state, "acme", Some("m-1"), now));
    assert_eq!((lagging.by_id, lagging.by_alias), (Some(ABSENT), ABSENT));
    advance(APART).await;
    see(&mut listing_state, vec![]);
    let now = Instant::now();
    let second = listing(ask(&mut listing_state, "acme", Some("m-1"), now));
    let confirmed = Presence::Absent { confirmed: true };
    assert_eq!(
        (second.by_id, second.by_alias),
        (Some(confirmed.clone()), confirmed)
    );
}

#[tokio::test(start_paused = true)]
async fn a_listing_begun_before_the_intent_of_the_status_is_no_absence_either() {
    let mut listing_state = ListingState::default();
    see(&mut listing_state, vec![]);
    let before = Instant::now();
    advance(APART).await;
    let made = Instant::now();
    advance(APART).await;
    let question = |account, object, since| Question {
        account,
        object,
        id: None,
        alias: "acme",
        made: Some(made),
        since,
        fresh_since: since,
        asked: Instant::now(),
    };
    let (account, acme) = (AccountId::from("1"), object("acme"));
    listing_state.ask(&question(&account, &acme, before));
    see(&mut listing_state, vec![]);
    let seen = listing(listing_state.ask(&question(&account, &acme, Instant::now())));
    assert_eq!(seen.by_alias, ABSENT, "the first that counts");
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_was_not_described_is_not_missed_for_that() {
    let mut listing_state = three_pages(2);
    let unlisted = organization("new", OrganizationState::Requested);
    listing_state.follow(
        &object("new"),
        &unlisted.id.clone(),
        Presence::Present(unlisted),
        true,
    );
    for _ in 0..3 {
        advance(APART).await;
        let creating = organization("org-0", OrganizationState::Creating);
        assert!(
            listing_state
                .apply_descriptions(vec![creating], Instant::now())
                .is_empty()
        );
    }
    let rows =
        (0..300).map(|number| organization(&format!("org-{number}"), OrganizationState::Active));
    see(&mut listing_state, rows.collect());
    let seen = listing(ask(&mut listing_state, "new", Some("new"), Instant::now()));
    assert_eq!(seen.by_id, Some(ABSENT), "one listing, not two");
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_a_description_freed_is_not_missing_in_the_listing() {
    let mut listing_state = ListingState::default();
    see(
        &mut listing_state,
        vec![organization("acme", OrganizationState::Deleting)],
    );
    let before = Instant::now();
    advance(APART).await;
    listing_state.apply_descriptions(
        vec![organization("acme", OrganizationState::Deleted)],
        Instant::now(),
    );
    let freed = listing(ask(&mut listing_state, "acme", None, before));
    assert_eq!(freed.by_alias, ABSENT);
    see(&mut listing_state, vec![]);
    let first = listing(ask(&mut listing_state, "acme", None, Instant::now()));
    assert_eq!(first.by_alias, ABSENT, "the first listing without it");
}

#[tokio::test(start_paused = true)]
async fn a_failure_since_a_listing_was_asked_for_is_told_without_another_call() {
    let mut listing_state = ListingState::default();
    let seen = Instant::now();
    advance(Duration::from_secs(1)).await;
    let error = CallError::new(Operation::ListOrganizations, ErrorKind::ServerFault);
    listing_state.apply_failure(error, TIMING.unreachable, Instant::now());
    advance(Duration::from_millis(1)).await;
    assert!(matches!(
        ask(&mut listing_state, "acme", None, seen),
        Reply::ReadFailed(_)
    ));
    let reply = ask(&mut listing_state, "acme", None, Instant::now());
    assert!(matches!(reply, Reply::NotYet), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn an_organization_that_stays_although_its_deletion_was_accepted_is_told_of_after_30_s() {
    let rows = |state| vec![organization("acme", state)];
    let mut listing_state = following("acme", OrganizationState::Deleting);
    listing_state.deletion_accepted(&object("acme"));
    let first = see(&mut listing_state, rows(OrganizationState::Failed));
    assert_eq!(first, [object("acme")], "it is not Deleting");
    follow(&mut listing_state, "acme", OrganizationState::Failed);
    assert!(wait(&listing_state) <= APART, "a second read has to tell");
    advance(APART / 2).await;
    let second = see(&mut listing_state, rows(OrganizationState::Failed));
    assert_eq!(second, [], "too soon after the first");
    advance(APART / 2).await;
    let third = see(&mut listing_state, rows(OrganizationState::Failed));
    assert_eq!(third, [object("acme")], "two reads 30 s apart");
    follow(&mut listing_state, "acme", OrganizationState::Failed);
    assert_eq!(
        see(&mut listing_state, rows(OrganizationState::Failed)),
        [],
        "again"
    );
}
