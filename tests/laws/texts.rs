//! The texts that users read: short, the next step first, and each of them once.

use std::collections::{BTreeMap, BTreeSet};

use rstest::rstest;
use workmail_operator::{
    api::{
        AdoptionPolicy, ConditionStatus as Status, ConditionType as Kind, ManagementPolicy, Reason,
    },
    logic::{
        ErrorKind, Failure, ObjectKey, Operation, Region, Verdict,
        organization::{
            Action, Answer, Call, Delete, OrganizationState as State, Outcome, Policy, Presence,
            Reading, Release, Report, SaveAs, Tags, View, keep, report,
        },
    },
};

use crate::{
    views::{
        ID, condition, creating, deleting, described, existing, fresh, listed, next, ready, rest,
        rest_with, row, status, trouble,
    },
    world::aws::TagMap,
};

/// The longest message of Ready, and of every other condition and event.
const READY: usize = 320;
const OTHERS: usize = 160;
/// The address of AWS's page is as long as it is.
const PAGE: &str =
    "https://docs.aws.amazon.com/workmail/latest/adminguide/workmail-end-of-support.html";
/// A text of AWS of an ordinary length.
const SAID: &str = "User: arn:aws:sts::123456789012:assumed-role/workmail-operator/… is not authorized to \
                    perform: workmail:CreateOrganization on resource: *";

fn length(text: &str) -> usize {
    text.replace(PAGE, "").chars().count()
}

/// What is wrong with the form of a text.
fn wrong_form(text: &str, most: usize) -> Option<String> {
    let starts = text.starts_with(|c: char| c.is_ascii_uppercase());
    let is_whole = text.ends_with('.') && !text.ends_with("..") && !text.contains("  ");
    let length = length(text);
    (!starts || !is_whole || length > most).then(|| format!("{length}: {text}"))
}

/// Checks a report: the form of each text, and that none stands twice.
#[track_caller]
fn check(report: &Report) {
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for verdict in &report.verdicts {
        let most = if verdict.kind == Kind::Ready {
            READY
        } else {
            OTHERS
        };
        assert_eq!(wrong_form(&verdict.message, most), None, "{verdict:?}");
        texts
            .entry(&verdict.message)
            .or_default()
            .push(verdict.kind.as_str().to_owned());
    }
    for note in &report.notes {
        assert_eq!(wrong_form(&note.message, OTHERS), None, "{note:?}");
        texts
            .entry(&note.message)
            .or_default()
            .push(format!("{:?}", note.kind));
    }
    // No sentence of a text stands in another.
    let sentences: Vec<(&str, Vec<&str>)> = texts
        .keys()
        .map(|text| (*text, text.split_inclusive(". ").map(str::trim).collect()))
        .collect();
    for (text, parts) in &sentences {
        let owners = &texts[text];
        assert_eq!(owners.len(), 1, "{owners:?}: {text}");
        let mut others = sentences.iter().filter(|(other, _)| other != text);
        let twice = others.find(|(other, _)| parts.iter().any(|part| other.contains(part)));
        assert_eq!(twice, None, "{text:?} and {twice:?}");
    }
}

/// The report of a failure that an object without a status has.
fn of_failure(failure: Failure) -> Report {
    report(&fresh(), &Outcome::Failed(failure))
}

fn every_error() -> Vec<ErrorKind> {
    const CODES: [&str; 22] = [
        "AccessDeniedException",
        "DirectoryInUseException",
        "DirectoryUnavailableException",
        "ExpiredTokenException",
        "InvalidCustomSesConfigurationException",
        "InvalidParameterException",
        "InvalidSignatureException",
        "LimitExceededException",
        "MailDomainInUseException",
        "MailDomainNotFoundException",
        "MailDomainStateException",
        "NameAvailabilityException",
        "NoSuchThingAsYetException",
        "OrganizationNotFoundException",
        "OrganizationStateException",
        "RequestExpired",
        "ResourceNotFoundException",
        "TooManyTagsException",
        "UnknownOperationException",
        "UnrecognizedClientException",
        "UnsupportedOperationException",
        "ValidationException",
    ];
    let refused =
        |said: &'static str| CODES.map(|code| ErrorKind::from_answer(400, Some(code), Some(said)));
    let mut all: Vec<_> = [SAID, ""].into_iter().flat_map(refused).collect();
    all.extend([
        ErrorKind::Throttled,
        ErrorKind::TimedOut,
        ErrorKind::Unreachable,
        ErrorKind::ServerFault,
        ErrorKind::Undecodable,
        ErrorKind::no_credentials(None),
        ErrorKind::no_credentials(Some(SAID)),
    ]);
    all
}

#[test]
fn every_failure_of_every_call_is_told_shortly_and_no_sentence_of_it_twice() {
    for operation in Operation::ALL {
        for region in ["us-east-1", "eu-central-1"].map(Region::from) {
            for error in every_error() {
                let failure = Failure::of_call(operation, &error, Some(&region));
                assert!(!failure.next_step.is_empty() && !failure.detail.is_empty());
                check(&of_failure(failure));
            }
        }
    }
}

#[test]
fn every_reason_has_sentences_of_its_own_beside_ready() {
    for reason in Reason::ALL {
        for read_failed in [false, true] {
            let failure = Failure {
                read_failed,
                ..Failure::of(*reason, "Do this.", "That happened.")
            };
            check(&of_failure(failure));
        }
    }
}

#[test]
fn no_sentence_of_one_condition_stands_in_another_condition_whatever_the_reason() {
    let mut found: BTreeMap<String, BTreeSet<Kind>> = BTreeMap::new();
    for reason in Reason::ALL {
        let failure = Failure::of(*reason, "Do this.", "That happened.");
        for verdict in of_failure(failure).verdicts {
            found
                .entry(verdict.message)
                .or_default()
                .insert(verdict.kind);
        }
    }
    let twice: Vec<_> = found.iter().filter(|(_, kinds)| kinds.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
}

fn competitor() -> ObjectKey {
    ObjectKey {
        namespace: "mail-platform".into(),
        name: "acme-production".into(),
        uid: "1".into(),
    }
}

/// Tags of another owner.
fn owned_by(cluster: &str) -> Tags {
    let tags = [
        ("workmail-operator.dev/cluster", cluster),
        ("workmail-operator.dev/namespace", "mail-platform"),
        ("workmail-operator.dev/name", "acme-production"),
    ];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Tags::Shown(TagMap::from(tags))
}

/// Every outcome that a view with these tags comes to.
fn with_tags(view: View, tags: &Tags) -> (Outcome, View) {
    rest_with(view, |action| match action {
        Action::Read(workmail_operator::logic::organization::Read::Tags(_)) => {
            Some(Answer::Tags(tags.clone()))
        }
        Action::Read(workmail_operator::logic::organization::Read::Owner { .. }) => {
            Some(Answer::OwnerLives(true))
        }
        _ => None,
    })
}

/// A view that finds an organization with its alias.
fn found(state: &State, adoption: AdoptionPolicy) -> View {
    let mut view = listed();
    view.desired.adoption = adoption;
    // It is older than the resource.
    view.desired.created_at = crate::views::now();
    let listing = view.observed.listing.as_mut().unwrap();
    listing.by_alias = Presence::Present(row(state));
    listing.fresh = true;
    view.observed.organization = Reading::Seen(described(state));
    view
}

#[test]
fn every_message_of_the_decisions_is_short_and_stands_once() {
    let cluster = fresh().cluster.tag().to_owned();
    let states = || {
        [
            State::Requested,
            State::Creating,
            State::Validating,
            State::Active,
            State::Impaired,
            State::Inactive,
            State::Failed,
            State::Deleting,
            State::Deleted,
            State::Other("Resting".into()),
        ]
    };
    let tags = || {
        [
            Tags::Shown(TagMap::new()),
            Tags::Hidden,
            owned_by("production-eu"),
            owned_by(&cluster),
            owned_by(""),
            Tags::Shown(crate::views::marks()),
        ]
    };
    let mut seen = BTreeSet::new();
    let mut told = |(outcome, view): (Outcome, View)| {
        if matches!(outcome, Outcome::Released(_)) {
            return;
        }
        let report = report(&view, &outcome);
        check(&report);
        seen.extend(report.ready().map(|ready| ready.message.clone()));
    };
    for state in states() {
        for tags in tags() {
            for adoption in [
                AdoptionPolicy::Create,
                AdoptionPolicy::Adopt,
                AdoptionPolicy::AdoptOrCreate,
            ] {
                for management in [ManagementPolicy::Full, ManagementPolicy::Observe] {
                    let mut view = found(&state, adoption);
                    view.desired.management = management;
                    told(with_tags(view.clone(), &tags));
                    view.desired.take_over = Some("elsewhere/mail/acme".into());
                    told(with_tags(view.clone(), &tags));
                    view.competitor = Some(competitor());
                    told(with_tags(view, &tags));
                }
            }
            for delete_directory in [false, true] {
                let mut view = deleting(existing(&state));
                if let Policy::Delete(how) = &mut view.desired.policy {
                    how.delete_directory = delete_directory;
                    view.desired.input.directory_id = Some("d-0123456789".into());
                }
                told(with_tags(view.clone(), &tags));
                view.desired.input.directory_id = None;
                told(with_tags(view.clone(), &tags));
                view.desired.management = ManagementPolicy::Observe;
                told(with_tags(view.clone(), &tags));
                view.desired.suspend = true;
                told(with_tags(view, &tags));
            }
            let mut view = existing(&state);
            view.desired.default_domain = Some("a-long-name-of-a-mail-domain.example".into());
            told(with_tags(view.clone(), &tags));
            view.desired.input.directory_id = Some("d-9999999999".into());
            told(with_tags(view, &tags));
        }
    }
    assert!(seen.len() > 40, "{}: {seen:#?}", seen.len());
}

#[test]
fn what_was_answered_is_saved_with_texts_of_their_own() {
    let mut view = creating();
    let call = workmail_operator::logic::organization::decide(&view);
    assert!(matches!(call, Action::Call(Call::Create { .. })));
    check(&keep(&view, SaveAs::Intent));
    view.apply_answer(&call, Answer::Created(ID.into()), crate::views::now());
    check(&keep(&view, SaveAs::Answer));
    check(&keep(&deleting(view), SaveAs::Answer));
    for outcome in [
        Outcome::Claiming,
        Outcome::Searching,
        Outcome::Checking,
        Outcome::Unconfirmed,
        Outcome::Suspended,
        Outcome::Ended,
        Outcome::Active,
    ] {
        check(&report(&ready(), &outcome));
        if outcome != Outcome::Active {
            check(&report(&fresh(), &outcome));
        }
    }
}

fn message(report: &Report, kind: Kind) -> &str {
    &condition(report, kind).unwrap().message
}

#[test]
fn ready_says_only_what_is_true_while_a_default_domain_waits_for_its_verification() {
    let mut view = existing(&State::Active);
    let in_sync = report(&view, &Outcome::Active);
    assert_eq!(message(&in_sync, Kind::Synced), "AWS matches the spec.");
    view.desired.default_domain = Some("b.example".into());
    let waiting = report(&view, &Outcome::Active);
    assert_eq!(status(&waiting, Kind::Synced), Some(Status::True));
    assert_eq!(
        message(&waiting, Kind::Ready),
        format!("Organization {ID} is Active.")
    );
    let synced = message(&waiting, Kind::Synced);
    assert!(
        synced.contains("except for the default domain") && synced.contains("b.example"),
        "{synced}"
    );
}

/// A Ready resource that is suspended now.
fn suspended(spec_changed: Option<bool>) -> Report {
    let mut view = ready();
    view.desired.suspend = true;
    view.desired.generation += 1;
    view.facts.spec_changed = spec_changed;
    let (outcome, view) = rest(view);
    let report = report(&view, &outcome);
    let (outcome, again) = rest(next(view, &outcome));
    assert_eq!(
        workmail_operator::logic::organization::report(&again, &outcome),
        report,
        "it stays so"
    );
    report
}

#[rstest]
#[case::nothing_else(Some(false), Status::True)]
#[case::a_change(Some(true), Status::Unknown)]
#[case::perhaps_a_change(None, Status::Unknown)]
fn a_suspended_resource_is_synced_only_if_nothing_else_was_changed(
    #[case] spec_changed: Option<bool>,
    #[case] synced: Status,
) {
    let report = suspended(spec_changed);
    check(&report);
    assert_eq!(status(&report, Kind::Synced), Some(synced));
    assert_eq!(status(&report, Kind::Ready), Some(Status::True));
    let text = message(&report, Kind::Synced);
    assert_eq!(
        text.contains("The last change of the spec is not applied"),
        synced == Status::Unknown,
        "{text}"
    );
}

#[test]
fn a_change_of_a_resource_that_is_suspended_already_makes_it_unknown() {
    let mut view = ready();
    view.desired.suspend = true;
    view.desired.generation += 1;
    view.facts.spec_changed = Some(false);
    let (outcome, view) = rest(view);
    let mut view = next(view, &outcome);
    view.desired.generation += 1;
    // The operator was started anew.
    view.facts.spec_changed = None;
    let (outcome, view) = rest(view);
    let report = report(&view, &outcome);
    assert_eq!(status(&report, Kind::Synced), Some(Status::Unknown));
}

fn end(report: &Report) -> &Verdict {
    condition(report, Kind::EndOfService).unwrap()
}

#[test]
fn the_days_that_are_left_are_those_of_the_last_other_change_and_a_day_that_passes_writes_nothing()
{
    let mut view = existing(&State::Active);
    view.facts.days_left = 124;
    let (outcome, view) = rest(view);
    let first = report(&view, &outcome);
    assert_eq!(end(&first).reason, Reason::Announced.as_str());
    assert_eq!(end(&first).status, Status::False);
    for text in ["2027-03-31", "124 days left", PAGE] {
        assert!(end(&first).message.contains(text), "{:?}", end(&first));
    }
    let mut view = next(view, &outcome);
    view.facts.days_left = 123;
    let (outcome, view) = rest(view);
    assert_eq!(report(&view, &outcome).verdicts, first.verdicts);

    let mut edited = view.clone();
    edited.desired.generation += 1;
    let (outcome, edited) = rest(edited);
    let later = report(&edited, &outcome);
    assert!(end(&later).message.contains("123 days left"), "{later:?}");

    let mut moved = view;
    moved.facts.end_of_service = "2027-04-30".into();
    let (outcome, moved) = rest(moved);
    assert!(
        end(&report(&moved, &outcome))
            .message
            .contains("2027-04-30")
    );
}

#[test]
fn an_organization_of_this_cluster_is_named_by_its_resource_and_the_loser_is_told_to_go_first() {
    let cluster = fresh().cluster.tag().to_owned();
    let (outcome, view) = with_tags(
        found(&State::Active, AdoptionPolicy::Adopt),
        &owned_by(&cluster),
    );
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(text.starts_with("Delete this resource"), "{text}");
    let owner = "WorkMailOrganization mail-platform/acme-production of this cluster";
    assert!(text.contains(owner), "{text}");
    assert!(text.contains("workmail-operator.dev/take-over="), "{text}");

    let mut wrong = found(&State::Active, AdoptionPolicy::Adopt);
    wrong.desired.take_over = Some("nobody/at/all".into());
    let (outcome, view) = with_tags(wrong, &owned_by(&cluster));
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(
        text.contains("correct the annotation to") && text.contains(owner),
        "{text}"
    );
    let (outcome, view) = with_tags(found(&State::Active, AdoptionPolicy::Adopt), &owned_by(""));
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(text.contains("incomplete ownership tags"), "{text}");
}

#[test]
fn an_alias_whose_organization_was_deleted_here_is_told_as_such() {
    let mut view = creating();
    view.observed.listing.as_mut().unwrap().deleted = Some(ID.into());
    let refusal = ErrorKind::from_answer(400, Some("NameAvailabilityException"), Some(SAID));
    let (outcome, view) = rest_with(view, |action| match action {
        Action::Call(Call::Create { .. }) => Some(trouble(Operation::CreateOrganization, &refusal)),
        Action::Read(workmail_operator::logic::organization::Read::Listing { .. }) => {
            let listing = workmail_operator::logic::organization::Listing {
                by_id: None,
                by_alias: Presence::Absent { confirmed: false },
                deleted: Some(ID.into()),
                fresh: true,
                deletion_failed: false,
            };
            Some(Answer::Listing(listing))
        }
        _ => None,
    });
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(
        text.contains(&format!("Organization {ID} with this alias was deleted")),
        "{text}"
    );
    assert!(!text.contains("another AWS account"), "{text}");
}

#[test]
fn an_organization_that_is_gone_is_told_with_the_one_that_has_its_alias_now() {
    let mut view = existing(&State::Deleting);
    let other = "m-00000000000000000000000000000002";
    let mut living = row(&State::Active);
    living.id = other.into();
    view.observed.listing.as_mut().unwrap().by_alias = Presence::Present(living);
    let (outcome, view) = rest(view);
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(text.contains(other), "{text}");
    check(&told);
}

#[test]
fn a_refused_deletion_of_a_directory_names_the_directory_first_and_force_is_not_advised_twice() {
    let next_step = |delete_directory, force| {
        let mut view = deleting(ready());
        view.desired.policy = Policy::Delete(Delete {
            confirmed: true,
            delete_directory,
            force,
            organization_id: Some(ID.into()),
            ..Delete::default()
        });
        let refusal = ErrorKind::from_answer(400, Some("InvalidParameterException"), Some(SAID));
        let (outcome, _) = rest_with(view, |action| match action {
            Action::Call(Call::Delete(_)) => Some(trouble(Operation::DeleteOrganization, &refusal)),
            _ => None,
        });
        match outcome {
            Outcome::Failed(failure) => failure.next_step,
            other => panic!("{other:?}"),
        }
    };
    let directory = "Set deletion.deleteDirectory to false";
    assert!(next_step(true, false).starts_with(directory));
    assert!(next_step(true, true).starts_with(directory));
    assert!(!next_step(true, true).contains("forceDelete"));
    assert!(!next_step(false, false).contains("deleteDirectory"));
}

#[test]
fn a_young_organization_that_is_absent_while_it_is_deleted_is_told_with_the_end_of_the_wait() {
    let mut view = deleting(ready());
    view.facts.young = true;
    view.observed.listing.as_mut().unwrap().by_id = Some(Presence::Absent { confirmed: true });
    let (outcome, view) = rest(view);
    assert_eq!(outcome, Outcome::Unconfirmed);
    let told = report(&view, &outcome);
    let text = message(&told, Kind::Ready);
    assert!(text.contains("does not show organization"), "{text}");
    assert!(text.contains("15 minutes after status.createdAt"), "{text}");
    check(&told);
}

#[test]
fn a_resource_that_only_observed_says_that_the_organization_stays() {
    let mut view = deleting(fresh());
    view.shown.seen = Some(ID.into());
    let text = |view: &View| {
        let outcome = Outcome::Released(Release::NeverCreated);
        report(view, &outcome).notes[0].message.clone()
    };
    assert!(text(&view).contains("was only observed"), "{}", text(&view));
    view.shown.seen = None;
    assert!(text(&view).contains("had no organization"));
}

#[test]
fn without_an_organization_there_are_no_records_to_publish() {
    let mut view = fresh();
    view.desired.domains = ["a.example".to_owned()].into();
    let failure = Failure::of(Reason::LimitExceeded, "Do this.", "That happened.");
    let told = report(&view, &Outcome::Failed(failure));
    assert_eq!(
        message(&told, Kind::DomainsReady),
        "No organization yet, so there are no records."
    );
}
