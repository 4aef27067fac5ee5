//! What one judgement and one listing cost, without the wire: `make bench SCENARIO=micro`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot go on ends with a message"
)]

use std::{collections::BTreeMap, hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use k8s_openapi::jiff::Timestamp;
use serde_json::json;
use workmail_operator::{
    api::{Origin, WorkMailOrganization},
    aws::{ListingState, Snapshot, Timing},
    logic::{
        AccountId, ClusterIdentity, ObjectKey, OrganizationId, Region, gate,
        organization::{
            Action, Answer, Call, Delete, Desired, DomainReading, Endpoint, Facts, Listing, Memory,
            Observed, Organization, OrganizationState, Outcome, Policy, Presence, Read, Reading,
            Scope, Shown, Summary, Tags, View, decide, report,
        },
    },
};

criterion_group!(all, judgements, listings);
criterion_main!(all);

fn judgements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    let fresh = fresh();
    group.bench_function("a fresh object, up to its create", |bencher| {
        bencher.iter(|| until_create(black_box(fresh.clone())));
    });
    let settled = settled();
    group.bench_function("a settled one", |bencher| {
        bencher.iter(|| decide(black_box(&settled)));
    });
    let deleting = deleting();
    group.bench_function("a deletion, whole", |bencher| {
        bencher.iter(|| until_rest(black_box(deleting.clone())));
    });
    group.finish();

    let mut group = criterion.benchmark_group("report");
    group.bench_function("Active", |bencher| {
        bencher.iter(|| report(black_box(&settled), black_box(&Outcome::Active)));
    });
    let (outcome, deleted) = until_rest(deleting);
    group.bench_function("deleted", |bencher| {
        bencher.iter(|| report(black_box(&deleted), black_box(&outcome)));
    });
    group.finish();
}

/// A listing is taken in, and none of the objects that are followed has anything new.
fn listings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("listing");
    for count in [100, 1_000, 10_000] {
        let mut listing_state = ListingState::default();
        listing_state.see(snapshot(count), TIMING);
        for number in 0..count {
            let row = row(number);
            let id = row.id.clone();
            listing_state.follow(&object(number), &id, Presence::Present(row), false);
        }
        group.bench_function(format!("{count} settled"), |bencher| {
            bencher.iter_batched(
                || snapshot(count),
                |snapshot| assert!(listing_state.see(snapshot, TIMING).is_empty()),
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

const TIMING: Timing = Timing {
    resync: Duration::from_mins(5),
    unreachable: Duration::from_mins(15),
};

fn snapshot(count: usize) -> Snapshot {
    Snapshot::of(account(), (0..count).map(row))
}

fn row(number: usize) -> Summary {
    Summary {
        id: OrganizationId::from(format!("m-{number:032x}")),
        alias: format!("org-{number}"),
        default_domain: Some(format!("org-{number}.awsapps.com")),
        ..organization().summary
    }
}

fn object(number: usize) -> ObjectKey {
    ObjectKey {
        namespace: "mail".into(),
        name: format!("org-{number}").into(),
        uid: format!("00000000-0000-4000-8000-{number:012}").into(),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A new object; its account is known, and nothing in AWS has its alias.
fn fresh() -> View {
    let object: WorkMailOrganization = serde_json::from_value(json!({
        "apiVersion": "workmail-operator.dev/v1alpha1",
        "kind": "WorkMailOrganization",
        "metadata": {
            "namespace": "mail",
            "name": "acme",
            "uid": "11111111-2222-3333-4444-555555555555",
            "generation": 1,
            "creationTimestamp": "2026-11-24T00:00:00Z",
        },
        "spec": {"alias": "acme", "region": "us-east-1", "tags": {"team": "platform"}},
    }))
    .unwrap();
    View {
        desired: Desired::parse(&object, None).unwrap(),
        cluster: ClusterIdentity::new(Some("prod".to_owned()), "5b3c".to_owned(), []),
        memory: Memory::default(),
        saved: Memory::default(),
        shown: Shown::default(),
        previous: Vec::new(),
        observed_generation: None,
        handled: None,
        observed: Observed {
            account: Some(account()),
            listing: Some(listing(None)),
            ..Observed::default()
        },
        facts: Facts {
            attempts_answered: true,
            ..Facts::default()
        },
        competitor: None,
    }
}

/// Created, Active, tagged, and reported so; the list shows it as before.
fn settled() -> View {
    let mut view = fresh();
    view.memory.organization_id = Some(id());
    view.memory.origin = Some(Origin::Created);
    view.memory.account = Some(account());
    view.memory.region = Some(Region::from("us-east-1"));
    view.saved = view.memory.clone();
    view.observed.listing = Some(listing(Some(&id())));
    let (outcome, view) = until_rest(view);
    let told = report(&view, &outcome);
    let view = View {
        memory: told.memory.clone(),
        saved: told.memory,
        shown: told.shown,
        previous: told.verdicts,
        observed_generation: told.observed_generation,
        handled: told.handled,
        observed: Observed {
            account: view.observed.account.clone(),
            listing: view.observed.listing.clone(),
            ..Observed::default()
        },
        ..view
    };
    assert_eq!(decide(&view), Action::Finish(Outcome::Active));
    view
}

/// A settled one whose deletion was asked for, under policy Delete.
fn deleting() -> View {
    let mut view = settled();
    view.desired.deleting = true;
    view.desired.finalizer = true;
    view.desired.generation += 1;
    view.desired.policy = Policy::Delete(Delete {
        confirmed: true,
        ..Delete::default()
    });
    view
}

fn until_create(mut view: View) -> View {
    loop {
        let action = decide(&view);
        if let Action::Call(Call::Create { .. }) = action {
            return view;
        }
        step(&mut view, &action);
    }
}

fn until_rest(mut view: View) -> (Outcome, View) {
    loop {
        let action = decide(&view);
        if let Action::Finish(outcome) = action {
            return (outcome, view);
        }
        step(&mut view, &action);
    }
}

/// Every look shows what is so, every write and call succeeds.
fn step(view: &mut View, action: &Action) {
    let answer = match action {
        Action::Read(Read::Account) => Answer::Account(account()),
        Action::Read(Read::Listing { .. }) => Answer::Listing(listing(view.id())),
        Action::Read(Read::Organization(_)) => Answer::Organization(Reading::Seen(organization())),
        Action::Read(Read::Tags(_)) => Answer::Tags(Tags::Shown(tags())),
        Action::Read(Read::Scope) => Answer::Scope(Scope::Stays),
        Action::Read(Read::Object) => Answer::Current,
        Action::AddFinalizer => Answer::FinalizerAdded,
        Action::RemoveFinalizer(release) => Answer::FinalizerRemoved(release.clone()),
        Action::Save(_) => Answer::Saved,
        Action::Read(Read::Owner { .. }) => Answer::OwnerLives(true),
        Action::Read(Read::Domains { list, .. }) => Answer::Domains(DomainReading {
            domains: BTreeMap::new(),
            complete: *list,
        }),
        Action::Read(Read::Addresses { domain, .. }) => Answer::Addresses {
            domain: domain.clone(),
            holder: None,
        },
        Action::Read(Read::Gate {
            mailboxes, fresh, ..
        }) => Answer::Gate(Arc::new(gate::Reading {
            at: now(),
            exports: Vec::new(),
            going_on: Vec::new(),
            mailboxes: mailboxes.then(Vec::new),
            is_fresh: *fresh,
        })),
        Action::Read(Read::Checks { .. }) => Answer::Checks {
            found: gate::Checks::new(),
            failure: None,
        },
        Action::WriteClosing(_) => Answer::ClosingWritten,
        Action::Read(Read::Endpoint) => Answer::Endpoint(Endpoint::Absent),
        Action::KeepEndpoint(entries) => Answer::EndpointKept(entries.clone()),
        Action::Call(call) => call.success().unwrap_or_else(|| Answer::Created(id())),
        Action::Intend(_)
        | Action::Claim(..)
        | Action::Freeze
        | Action::Manage(_)
        | Action::ManageDomains(_)
        | Action::Forget
        | Action::Finish(_) => return view.record(action, now()),
    };
    view.apply_answer(action, answer, now());
}

fn account() -> AccountId {
    AccountId::from("111111111111")
}

fn id() -> OrganizationId {
    OrganizationId::from("m-00000000000000000000000000000001")
}

fn listing(id: Option<&OrganizationId>) -> Listing {
    let absent = Presence::Absent { confirmed: false };
    Listing {
        by_id: id.map(|_| Presence::Present(organization().summary)),
        by_alias: id.map_or(absent, |_| Presence::Present(organization().summary)),
        deleted: None,
        fresh: true,
        deletion_failed: false,
    }
}

fn organization() -> Organization {
    Organization {
        summary: Summary {
            id: id(),
            alias: "acme".to_owned(),
            state: OrganizationState::Active,
            default_domain: Some("acme.awsapps.com".to_owned()),
            error_message: None,
        },
        arn: Some("arn:aws:workmail:us-east-1:111111111111:organization/m-1".to_owned()),
        directory_id: Some("d-0123456789".to_owned()),
        directory_type: None,
        completed_date: Some(now()),
        migration_admin: None,
        interoperability_enabled: Some(false),
    }
}

fn tags() -> BTreeMap<String, String> {
    let marks = [("cluster", "prod"), ("namespace", "mail"), ("name", "acme")];
    let marks =
        marks.map(|(key, value)| (format!("workmail-operator.dev/{key}"), value.to_owned()));
    let own = [("team".to_owned(), "platform".to_owned())];
    marks.into_iter().chain(own).collect()
}
