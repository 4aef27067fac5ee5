//! The error table of the design, row by row: what AWS answers, what the conditions say of it, and
//! when it is looked at again.

use std::time::Duration;

use rstest::rstest;
use workmail_operator::{
    api::{AdoptionPolicy, ConditionStatus, ManagementPolicy, Reason},
    logic::{
        AccountId, ErrorKind, Operation, Retry,
        organization::{
            Action, Answer, Call, DomainDetails, MailDomain, OrganizationState as State, Outcome,
            Presence, Read, Tags, Verification, View, decide,
        },
    },
};

use crate::views::{Row, creating, existing, fresh, listed, rest, rest_with, told, trouble};
use crate::world::aws::TagMap;

const SLOW_BACKOFF: Retry = backoff(30, 15 * 60);
const QUICK_BACKOFF: Retry = backoff(1, 60);
const BUSY_BACKOFF: Retry = backoff(5, 60);

const fn backoff(first: u64, most: u64) -> Retry {
    Retry::Backoff {
        first: Duration::from_secs(first),
        most: Duration::from_secs(most),
    }
}

pub(crate) fn refused(code: &str) -> ErrorKind {
    ErrorKind::from_answer(400, Some(code), Some("the text of AWS"))
}

/// What is told once this call is answered so.
pub(crate) fn after(view: View, operation: Operation, answer: &ErrorKind) -> Row {
    let (outcome, view) = rest_with(view, |action| {
        let is_it = match action {
            Action::Read(Read::Account) => operation == Operation::GetCallerIdentity,
            Action::Read(Read::Listing { .. }) => operation == Operation::ListOrganizations,
            Action::Read(Read::Organization(_)) => operation == Operation::DescribeOrganization,
            Action::Read(Read::Tags(_)) => operation == Operation::ListTagsForResource,
            Action::Call(Call::Create { .. }) => operation == Operation::CreateOrganization,
            Action::Call(Call::Tag { .. }) => operation == Operation::TagResource,
            Action::Call(Call::Untag { .. }) => operation == Operation::UntagResource,
            Action::Call(Call::Delete(_)) => operation == Operation::DeleteOrganization,
            Action::Call(Call::Register { .. }) => operation == Operation::RegisterMailDomain,
            Action::Call(Call::SetDefault { .. }) => {
                operation == Operation::UpdateDefaultMailDomain
            }
            Action::Call(Call::Deregister { .. }) => operation == Operation::DeregisterMailDomain,
            _ => false,
        };
        is_it.then(|| trouble(operation, answer))
    });
    told(&view, &outcome)
}

#[rstest]
#[case("InvalidParameterException", Reason::InvalidParameter)]
#[case("ValidationException", Reason::InvalidParameter)]
#[case("NameAvailabilityException", Reason::AliasUnavailable)]
#[case("DirectoryInUseException", Reason::DirectoryInUse)]
#[case("UnsupportedOperationException", Reason::UnsupportedOperation)]
fn a_terminal_refusal_of_the_create_stalls_and_is_looked_at_slowly(
    #[case] code: &str,
    #[case] reason: Reason,
) {
    let row = after(creating(), Operation::CreateOrganization, &refused(code));
    assert_eq!(row, Row::terminal(reason));
}

#[rstest]
#[case("LimitExceededException", Reason::LimitExceeded)]
#[case("DirectoryUnavailableException", Reason::DirectoryUnavailable)]
#[case("AccessDeniedException", Reason::AccessDenied)]
#[case("AccessDenied", Reason::AccessDenied)]
#[case("UnrecognizedClientException", Reason::AccessDenied)]
#[case("ExpiredTokenException", Reason::AccessDenied)]
#[case("ExpiredToken", Reason::AccessDenied)]
#[case("InvalidSignatureException", Reason::AccessDenied)]
#[case("SomethingNewException", Reason::UnexpectedError)]
fn a_recoverable_refusal_of_the_create_is_tried_again_from_30_s_to_15_min(
    #[case] code: &str,
    #[case] reason: Reason,
) {
    let row = after(creating(), Operation::CreateOrganization, &refused(code));
    assert_eq!(row, Row::recoverable(reason, SLOW_BACKOFF));
}

#[rstest]
#[case(ErrorKind::Throttled, Reason::Throttled)]
#[case(refused("ThrottlingException"), Reason::Throttled)]
#[case(refused("TooManyRequestsException"), Reason::Throttled)]
#[case(ErrorKind::TimedOut, Reason::ServiceUnavailable)]
#[case(ErrorKind::Unreachable, Reason::ServiceUnavailable)]
#[case(ErrorKind::ServerFault, Reason::ServiceUnavailable)]
#[case(ErrorKind::Undecodable, Reason::ServiceUnavailable)]
fn a_transient_trouble_is_tried_again_from_1_s_to_60_s_and_makes_no_event(
    #[case] answer: ErrorKind,
    #[case] reason: Reason,
) {
    for (view, operation) in [
        (creating(), Operation::CreateOrganization),
        (fresh(), Operation::GetCallerIdentity),
        (existing(&State::Active), Operation::DescribeOrganization),
        (existing(&State::Active), Operation::ListTagsForResource),
    ] {
        let row = after(view, operation, &answer);
        assert_eq!(row, Row::transient(reason, QUICK_BACKOFF), "{operation:?}");
    }
}

#[test]
fn without_credentials_it_is_told_and_tried_again() {
    let row = after(
        fresh(),
        Operation::GetCallerIdentity,
        &ErrorKind::no_credentials(None),
    );
    assert_eq!(
        row,
        Row::recoverable(Reason::CredentialsUnavailable, SLOW_BACKOFF)
    );
}

#[test]
fn credentials_of_another_account_are_told_and_no_more_is_looked_at() {
    let mut view = existing(&State::Active);
    view.observed.listing = None;
    view.observed.account = Some(AccountId::from("222222222222"));
    let (outcome, view) = rest_with(view, |action| panic!("{action:?}"));
    let row = told(&view, &outcome);
    assert_eq!(row, Row::recoverable(Reason::AccountMismatch, SLOW_BACKOFF));
}

#[test]
fn too_many_tags_stall() {
    let untagged = |action: &Action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
        Action::Call(_) => Some(trouble(
            Operation::TagResource,
            &refused("TooManyTagsException"),
        )),
        _ => None,
    };
    let (outcome, view) = rest_with(existing(&State::Active), untagged);
    assert_eq!(told(&view, &outcome), Row::terminal(Reason::TooManyTags));
}

#[test]
fn an_organization_that_is_busy_is_tried_again_from_5_s_to_60_s() {
    let untagged = |action: &Action| match action {
        Action::Read(Read::Tags(_)) => Some(Answer::Tags(Tags::Shown(TagMap::new()))),
        Action::Call(_) => Some(trouble(
            Operation::TagResource,
            &refused("OrganizationStateException"),
        )),
        _ => None,
    };
    let (outcome, view) = rest_with(existing(&State::Active), untagged);
    assert_eq!(
        told(&view, &outcome),
        Row::transient(Reason::OrganizationBusy, BUSY_BACKOFF)
    );
}

#[rstest]
#[case(AdoptionPolicy::Adopt, ManagementPolicy::Full)]
#[case(AdoptionPolicy::Create, ManagementPolicy::Observe)]
#[case(AdoptionPolicy::AdoptOrCreate, ManagementPolicy::Observe)]
fn what_is_not_there_and_must_not_be_created_is_looked_for_from_30_s_to_15_min(
    #[case] adoption: AdoptionPolicy,
    #[case] management: ManagementPolicy,
) {
    let mut view = listed();
    view.desired.adoption = adoption;
    view.desired.management = management;
    let look = decide(&view);
    assert_eq!(look, Action::Read(Read::Listing { fresh: true }));
    view.observed.listing.as_mut().unwrap().fresh = true;
    let (outcome, view) = rest_with(view, |action| panic!("{action:?}"));
    let row = told(&view, &outcome);
    assert_eq!(row, Row::recoverable(Reason::NotFound, SLOW_BACKOFF));
}

/// It has a verified domain that is to be the default, and lacks one; another that is managed has left
/// the spec. The first look at the domains shows so.
fn with_domains() -> View {
    let mut view = existing(&State::Active);
    view.desired.domains = ["new.example", "here.example"].map(str::to_owned).into();
    view.desired.default_domain = Some("here.example".into());
    view.memory.managed_domains = [String::from("left.example")].into();
    view.saved = view.memory.clone();
    let domain = |is_default| MailDomain {
        is_default,
        is_test_domain: is_default,
        details: Some(DomainDetails {
            ownership: Verification::Verified,
            dkim: Verification::Verified,
            records: Vec::new(),
        }),
    };
    view.observed.domains = Some(
        [
            ("acme.awsapps.com", true),
            ("here.example", false),
            ("left.example", false),
        ]
        .map(|(name, is_default)| (name.to_owned(), domain(is_default)))
        .into(),
    );
    view
}

#[rstest]
#[case(
    Operation::RegisterMailDomain,
    "MailDomainInUseException",
    Reason::DomainInUse
)]
#[case(
    Operation::DeregisterMailDomain,
    "MailDomainInUseException",
    Reason::DomainInUse
)]
fn a_domain_that_is_in_use_stalls(
    #[case] operation: Operation,
    #[case] code: &str,
    #[case] reason: Reason,
) {
    let row = after(with_domains(), operation, &refused(code));
    assert_eq!(row, Row::terminal(reason));
}

#[rstest]
#[case(
    Operation::UpdateDefaultMailDomain,
    "MailDomainStateException",
    Reason::DomainNotVerified
)]
#[case(
    Operation::RegisterMailDomain,
    "InvalidParameterException",
    Reason::DomainRefused
)]
#[case(
    Operation::UpdateDefaultMailDomain,
    "MailDomainNotFoundException",
    Reason::DomainRefused
)]
#[case(
    Operation::DeregisterMailDomain,
    "InvalidCustomSesConfigurationException",
    Reason::DomainRefused
)]
#[case(
    Operation::RegisterMailDomain,
    "LimitExceededException",
    Reason::LimitExceeded
)]
fn a_domain_that_is_refused_or_not_verified_is_tried_again_from_30_s_to_15_min(
    #[case] operation: Operation,
    #[case] code: &str,
    #[case] reason: Reason,
) {
    let row = after(with_domains(), operation, &refused(code));
    assert_eq!(row, Row::recoverable(reason, SLOW_BACKOFF));
}

#[test]
fn a_domain_that_is_refused_keeps_no_other_from_its_turn() {
    let asked = std::cell::RefCell::new(Vec::new());
    let (outcome, view) = rest_with(with_domains(), |action| {
        let Action::Call(call) = action else {
            return None;
        };
        asked.borrow_mut().push(call.operation());
        matches!(call, Call::Register { .. })
            .then(|| trouble(call.operation(), &refused("MailDomainInUseException")))
    });
    assert_eq!(
        asked.into_inner(),
        [
            Operation::RegisterMailDomain,
            Operation::UpdateDefaultMailDomain,
            Operation::DeregisterMailDomain,
        ]
    );
    assert_eq!(told(&view, &outcome), Row::terminal(Reason::DomainInUse));
    assert!(view.memory.managed_domains.is_empty(), "AWS has neither");
}

#[rstest]
#[case(State::Failed, Row::terminal(Reason::CreationFailed))]
#[case(State::Deleting, Row::terminal(Reason::OrganizationGone))]
#[case(State::Deleted, Row::terminal(Reason::OrganizationGone))]
#[case(State::Impaired, Row::recoverable(Reason::Impaired, Retry::OnChange))]
#[case(State::Inactive, Row::recoverable(Reason::Inactive, Retry::OnChange))]
#[case(
    State::Other("Resting".into()),
    Row::recoverable(Reason::UnknownState, Retry::OnChange)
)]
#[case(State::Requested, Row::transient(Reason::Requested, Retry::OnChange))]
#[case(State::Creating, Row::transient(Reason::Creating, Retry::OnChange))]
#[case(State::Validating, Row::transient(Reason::Creating, Retry::OnChange))]
#[case(
    State::Active,
    Row { ready: ConditionStatus::True, reconciling: false, ..Row::transient(Reason::Active, Retry::OnChange) }
)]
fn each_state_has_its_row(#[case] state: State, #[case] row: Row) {
    let (outcome, view) = rest(existing(&state));
    assert_eq!(told(&view, &outcome), row);
}

#[test]
fn a_failed_creation_is_told_in_the_words_of_aws_with_the_way_out() {
    let (outcome, view) = rest(existing(&State::Failed));
    let report = workmail_operator::logic::organization::report(&view, &outcome);
    let message = &report.verdicts[0].message;
    assert!(message.contains("no address left"), "{message}");
    assert!(message.contains("delete this resource"), "{message}");
}

#[test]
fn an_organization_that_is_missing_twice_and_not_young_is_gone() {
    let mut view = existing(&State::Active);
    let absent = |confirmed| Some(Presence::Absent { confirmed });
    view.observed.listing.as_mut().unwrap().by_id = absent(true);
    let (outcome, seen) = rest(view.clone());
    assert_eq!(
        told(&seen, &outcome),
        Row::terminal(Reason::OrganizationGone)
    );

    view.facts.young = true;
    assert_eq!(rest(view.clone()).0, Outcome::Unconfirmed, "it is young");
    view.facts.young = false;
    view.observed.listing.as_mut().unwrap().by_id = absent(false);
    assert_eq!(rest(view).0, Outcome::Unconfirmed, "it was missed once");
}

#[test]
fn an_immutable_field_that_differs_stalls_and_does_so_again_without_a_new_description() {
    let mut view = existing(&State::Active);
    view.desired.input.directory_id = Some("d-9999999999".into());
    let (outcome, view) = rest(view);
    assert_eq!(
        told(&view, &outcome),
        Row::terminal(Reason::ImmutableFieldDiffers)
    );
    let view = crate::views::next(view, &outcome);
    let (outcome, _) = rest(view);
    assert!(
        matches!(outcome, Outcome::Failed(failure) if failure.reason == Reason::ImmutableFieldDiffers)
    );
}
