//! The table, row by row.

use rstest::rstest;

use super::*;
use crate::{
    api::{Class, Reason},
    logic::Region,
};

fn refusal(operation: Operation, code: &str) -> Failure {
    let trouble = ErrorKind::from_answer(400, Some(code), Some("the text of AWS"));
    Failure::of_call(operation, &trouble, Some(&Region::from("us-east-1")))
}

#[rstest]
#[case("InvalidParameterException", Reason::InvalidParameter, Class::Terminal)]
#[case("ValidationException", Reason::InvalidParameter, Class::Terminal)]
#[case("NameAvailabilityException", Reason::AliasUnavailable, Class::Terminal)]
#[case("DirectoryInUseException", Reason::DirectoryInUse, Class::Terminal)]
#[case(
    "UnsupportedOperationException",
    Reason::UnsupportedOperation,
    Class::Terminal
)]
#[case("LimitExceededException", Reason::LimitExceeded, Class::Recoverable)]
#[case(
    "DirectoryUnavailableException",
    Reason::DirectoryUnavailable,
    Class::Recoverable
)]
#[case("AccessDeniedException", Reason::AccessDenied, Class::Recoverable)]
#[case("AccessDenied", Reason::AccessDenied, Class::Recoverable)]
#[case(
    "UnrecognizedClientException",
    Reason::AccessDenied,
    Class::Recoverable
)]
#[case("ExpiredTokenException", Reason::AccessDenied, Class::Recoverable)]
#[case("ExpiredToken", Reason::AccessDenied, Class::Recoverable)]
#[case("InvalidSignatureException", Reason::AccessDenied, Class::Recoverable)]
#[case("ThrottlingException", Reason::Throttled, Class::Transient)]
#[case("Throttling", Reason::Throttled, Class::Transient)]
#[case("TooManyRequestsException", Reason::Throttled, Class::Transient)]
#[case("InternalFailure", Reason::ServiceUnavailable, Class::Transient)]
#[case(
    "OrganizationStateException",
    Reason::OrganizationBusy,
    Class::Transient
)]
#[case(
    "NoSuchThingAsYetException",
    Reason::UnexpectedError,
    Class::Recoverable
)]
fn each_code_of_create_organization_has_its_row(
    #[case] code: &str,
    #[case] reason: Reason,
    #[case] class: Class,
) {
    let failure = refusal(Operation::CreateOrganization, code);
    assert_eq!((failure.reason, failure.reason.class()), (reason, class));
    assert!(!failure.read_failed, "a create is no read");
}

#[rstest]
#[case(Operation::TagResource, "TooManyTagsException", Reason::TooManyTags)]
#[case(
    Operation::TagResource,
    "OrganizationStateException",
    Reason::OrganizationBusy
)]
#[case(
    Operation::DeleteOrganization,
    "InvalidParameterException",
    Reason::DeletionBlocked
)]
#[case(
    Operation::DeleteOrganization,
    "OrganizationStateException",
    Reason::DeletionBlocked
)]
#[case(
    Operation::ListOrganizations,
    "InvalidParameterException",
    Reason::UnexpectedError
)]
#[case(
    Operation::ListTagsForResource,
    "ResourceNotFoundException",
    Reason::ServiceUnavailable
)]
fn the_operation_counts_beside_the_code(
    #[case] operation: Operation,
    #[case] code: &str,
    #[case] reason: Reason,
) {
    assert_eq!(refusal(operation, code).reason, reason);
}

#[rstest]
#[case(ErrorKind::TimedOut)]
#[case(ErrorKind::Unreachable)]
#[case(ErrorKind::ServerFault)]
#[case(ErrorKind::Undecodable)]
fn what_gives_no_answer_is_unavailable_and_may_have_done_the_work(#[case] trouble: ErrorKind) {
    let failure = Failure::of_call(Operation::CreateOrganization, &trouble, None);
    assert_eq!(failure.reason, Reason::ServiceUnavailable);
    assert!(!trouble.did_nothing());
}

#[test]
fn an_unreachable_region_without_workmail_is_told_with_the_list_of_those_that_have_it() {
    let failure = Failure::of_call(
        Operation::ListOrganizations,
        &ErrorKind::Unreachable,
        Some(&Region::from("eu-central-1")),
    );
    assert_eq!(failure.reason, Reason::ServiceUnavailable);
    for region in Region::WITH_WORKMAIL {
        assert!(failure.next_step.contains(region), "{failure:?}");
    }
}

#[rstest]
#[case(503, Some("ServiceUnavailableException"), ErrorKind::ServerFault)]
#[case(500, None, ErrorKind::ServerFault)]
#[case(429, None, ErrorKind::Throttled)]
#[case(400, None, ErrorKind::Undecodable)]
#[case(503, Some("SlowDown"), ErrorKind::Throttled)]
#[case(
    400,
    Some("com.amazonaws.workmail#ThrottlingException"),
    ErrorKind::Throttled
)]
fn an_answer_is_told_apart_by_code_before_status(
    #[case] status: u16,
    #[case] code: Option<&str>,
    #[case] trouble: ErrorKind,
) {
    assert_eq!(ErrorKind::from_answer(status, code, None), trouble);
}

#[test]
fn a_code_that_aws_may_invent_is_other_in_a_label() {
    let trouble = ErrorKind::from_answer(400, Some("BrandNewException"), None);
    assert_eq!(trouble.label(), "other");
}

#[test]
fn credentials_that_are_refused_do_not_put_aws_text_into_the_message() {
    let trouble = ErrorKind::from_answer(
        400,
        Some("InvalidSignatureException"),
        Some("Signature expired: 20261124T101010Z is now earlier than 20261124T111111Z"),
    );
    let failure = Failure::of_call(Operation::ListOrganizations, &trouble, None);
    let message = failure.message();
    assert!(!message.contains("2026"), "{message}");
}

#[test]
fn a_signature_that_is_refused_where_there_is_no_workmail_says_nothing_of_the_credentials() {
    let trouble = ErrorKind::Refused {
        code: "InvalidSignatureException".into(),
        message: "Credential should be scoped to a valid region".into(),
    };
    let reason = |operation, region: &str| {
        Failure::of_call(operation, &trouble, Some(&Region::from(region))).reason
    };
    let listing = Operation::ListOrganizations;
    assert_eq!(reason(listing, "zz-none-1"), Reason::ServiceUnavailable);
    assert_eq!(reason(listing, "us-east-1"), Reason::AccessDenied);
    // STS is not asked in the object's region.
    let identity = Operation::GetCallerIdentity;
    assert_eq!(reason(identity, "zz-none-1"), Reason::AccessDenied);
}

#[rstest]
#[case(
    "User: x is not authorized to perform: ds:CreateAlias on resource: *",
    "Allow ds:CreateAlias to"
)]
#[case(
    "User: x is not authorized to perform: ds:CreateAlias on resource: * with an explicit deny in a \
     service control policy",
    "Remove the explicit deny of ds:CreateAlias for"
)]
#[case("No.", "Allow workmail:CreateOrganization to")]
fn a_missing_right_is_named_as_aws_names_it_and_a_deny_is_to_be_removed(
    #[case] said: &str,
    #[case] next: &str,
) {
    let trouble = ErrorKind::from_answer(400, Some("AccessDeniedException"), Some(said));
    let failure = Failure::of_call(Operation::CreateOrganization, &trouble, None);
    assert!(failure.next_step.starts_with(next), "{failure:?}");
    assert_eq!(failure.reason, Reason::AccessDenied);
}

#[test]
fn a_request_that_expired_is_told_as_trouble_with_the_clock() {
    let trouble = ErrorKind::from_answer(400, Some("RequestExpired"), Some("Request has expired."));
    let failure = Failure::of_call(Operation::ListOrganizations, &trouble, None);
    assert_eq!(failure.reason, Reason::UnexpectedError);
    assert!(failure.next_step.contains("clock"), "{failure:?}");
    assert!(!trouble.rejects_credentials());
}

#[test]
fn credentials_that_could_not_be_loaded_are_told_apart_from_none() {
    let of = |trouble| Failure::of_call(Operation::GetCallerIdentity, &trouble, None);
    let none = of(ErrorKind::no_credentials(None));
    assert!(none.detail.contains("found no AWS credentials"), "{none:?}");
    let said = "AWS STS refuses AssumeRoleWithWebIdentity (AccessDenied: Not authorized.)";
    let refused = of(ErrorKind::no_credentials(Some(said)));
    assert!(
        refused.detail.contains("AssumeRoleWithWebIdentity"),
        "{refused:?}"
    );
    assert!(!refused.detail.contains("found no"), "{refused:?}");
    assert_eq!(none.reason, refused.reason);
}
