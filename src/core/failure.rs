//! From an error of AWS to a reason and a sentence: the one table.

use super::{Region, text};
use crate::api::Reason;

/// The AWS operations the operator calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `sts:GetCallerIdentity`.
    GetCallerIdentity,
    /// `workmail:ListOrganizations`.
    ListOrganizations,
    /// `workmail:DescribeOrganization`.
    DescribeOrganization,
    /// `workmail:ListTagsForResource`.
    ListTagsForResource,
    /// `workmail:CreateOrganization`.
    CreateOrganization,
    /// `workmail:TagResource`.
    TagResource,
    /// `workmail:UntagResource`.
    UntagResource,
    /// `workmail:DeleteOrganization`.
    DeleteOrganization,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 8] = [
        Self::GetCallerIdentity,
        Self::ListOrganizations,
        Self::DescribeOrganization,
        Self::ListTagsForResource,
        Self::CreateOrganization,
        Self::TagResource,
        Self::UntagResource,
        Self::DeleteOrganization,
    ];

    /// Its name in the service's API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::ListOrganizations => "ListOrganizations",
            Self::DescribeOrganization => "DescribeOrganization",
            Self::ListTagsForResource => "ListTagsForResource",
            Self::CreateOrganization => "CreateOrganization",
            Self::TagResource => "TagResource",
            Self::UntagResource => "UntagResource",
            Self::DeleteOrganization => "DeleteOrganization",
        }
    }

    /// Its IAM action.
    #[must_use]
    pub fn action(self) -> String {
        let service = match self {
            Self::GetCallerIdentity => "sts",
            Self::ListOrganizations
            | Self::DescribeOrganization
            | Self::ListTagsForResource
            | Self::CreateOrganization
            | Self::TagResource
            | Self::UntagResource
            | Self::DeleteOrganization => "workmail",
        };
        format!("{service}:{}", self.as_str())
    }

    /// Whether it changes anything in AWS.
    #[must_use]
    pub const fn mutates(self) -> bool {
        match self {
            Self::GetCallerIdentity
            | Self::ListOrganizations
            | Self::DescribeOrganization
            | Self::ListTagsForResource => false,
            Self::CreateOrganization
            | Self::TagResource
            | Self::UntagResource
            | Self::DeleteOrganization => true,
        }
    }
}

/// What can go wrong with one call, told apart by what it says about AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// AWS answered with an error code, and did nothing.
    Refused {
        /// The code, without a namespace.
        code: String,
        /// AWS's text.
        message: String,
    },
    /// AWS asked for fewer calls, and did nothing.
    Throttled,
    /// No answer within the deadline; the work may have been done.
    TimedOut,
    /// The connection failed; the work may have been done.
    Unreachable,
    /// An HTTP status of 500 or above; the work may have been done.
    ServerFault,
    /// An answer that could not be read; the work may have been done.
    Undecodable,
    /// No credentials, so nothing was sent.
    NoCredentials,
}

impl Trouble {
    /// From an error code and an HTTP status, as they stand in an answer.
    #[must_use]
    pub fn from_answer(status: u16, code: Option<&str>, message: Option<&str>) -> Self {
        let Some(code) = code.map(str::trim).filter(|code| !code.is_empty()) else {
            return if status == 429 {
                Self::Throttled
            } else if status >= 500 {
                Self::ServerFault
            } else {
                Self::Undecodable
            };
        };
        // Some front ends write `namespace#Code`, or `Code:http://…`.
        let code = code.rsplit('#').next().unwrap_or(code);
        let code = code.split(':').next().unwrap_or(code);
        if [
            "Throttl",
            "TooManyRequests",
            "RequestLimitExceeded",
            "SlowDown",
        ]
        .iter()
        .any(|start| code.starts_with(start))
        {
            return Self::Throttled;
        }
        if status >= 500
            || code.starts_with("InternalFailure")
            || code.starts_with("InternalServer")
            || code.starts_with("ServiceUnavailable")
        {
            return Self::ServerFault;
        }
        Self::Refused {
            code: code.to_owned(),
            message: text::clean(message.unwrap_or_default()),
        }
    }

    /// Whether AWS certainly did nothing.
    #[must_use]
    pub const fn did_nothing(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Throttled | Self::NoCredentials => true,
            Self::TimedOut | Self::Unreachable | Self::ServerFault | Self::Undecodable => false,
        }
    }

    /// The bounded word for the metric label `code`: AWS's own for the codes it documents.
    #[must_use]
    pub fn label(&self) -> &str {
        const KNOWN: [&str; 17] = [
            "AccessDeniedException",
            "DirectoryInUseException",
            "DirectoryUnavailableException",
            "ExpiredTokenException",
            "InvalidParameterException",
            "InvalidSignatureException",
            "LimitExceededException",
            "NameAvailabilityException",
            "OrganizationNotFoundException",
            "OrganizationStateException",
            "ResourceNotFoundException",
            "SerializationException",
            "TooManyTagsException",
            "UnknownOperationException",
            "UnrecognizedClientException",
            "UnsupportedOperationException",
            "ValidationException",
        ];
        match self {
            Self::Refused { code, .. } => KNOWN
                .iter()
                .find(|known| *known == code)
                .map_or("other", |known| known),
            Self::Throttled => "Throttled",
            Self::TimedOut => "TimedOut",
            Self::Unreachable => "Unreachable",
            Self::ServerFault => "ServerFault",
            Self::Undecodable => "Undecodable",
            Self::NoCredentials => "NoCredentials",
        }
    }
}

/// Something that keeps the object from being as the spec says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The condition's reason; its class says what follows.
    pub reason: Reason,
    /// The condition's message: what happened, where, and what to do next. Stable: no request id,
    /// time or count.
    pub message: String,
    /// Nothing is known to be wrong with the organization: it could not be looked at.
    pub looking: bool,
}

impl Failure {
    /// A fact about the organization or the spec.
    #[must_use]
    pub fn of(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            looking: false,
        }
    }

    /// A failure to look.
    #[must_use]
    pub fn to_look(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            looking: true,
        }
    }

    /// The table: which operation failed how, in which region.
    #[must_use]
    pub fn of_call(operation: Operation, trouble: &Trouble, region: Option<&Region>) -> Self {
        let (reason, message) = match trouble {
            Trouble::Throttled => (
                Reason::Throttled,
                format!(
                    "AWS throttles {}; it is called again, more slowly. Nothing needs to be done.",
                    operation.as_str()
                ),
            ),
            Trouble::TimedOut => unavailable(operation, "did not answer in time", region),
            Trouble::Unreachable => unavailable(operation, "could not be reached", region),
            Trouble::ServerFault => unavailable(operation, "reported a fault of its own", region),
            Trouble::Undecodable => {
                unavailable(operation, "gave an answer that cannot be read", region)
            }
            Trouble::NoCredentials => (
                Reason::CredentialsUnavailable,
                "The operator found no AWS credentials. Give its pod a role (IRSA or EKS Pod \
                 Identity) or the AWS SDK's environment variables; it tries again by itself."
                    .to_owned(),
            ),
            Trouble::Refused { code, message } => refused(operation, code, message),
        };
        Self {
            reason,
            message,
            looking: !operation.mutates(),
        }
    }
}

fn unavailable(operation: Operation, what: &str, region: Option<&Region>) -> (Reason, String) {
    let service = match operation {
        Operation::GetCallerIdentity => "AWS STS",
        Operation::ListOrganizations
        | Operation::DescribeOrganization
        | Operation::ListTagsForResource
        | Operation::CreateOrganization
        | Operation::TagResource
        | Operation::UntagResource
        | Operation::DeleteOrganization => "Amazon WorkMail",
    };
    let next = match region {
        Some(region) if !region.has_workmail() => format!(
            "WorkMail is not known to be in region {region}, only in {}: check the region.",
            Region::WITH_WORKMAIL.join(", ")
        ),
        Some(_) | None => "It is tried again; nothing needs to be done unless this lasts.".into(),
    };
    (
        Reason::ServiceUnavailable,
        format!("{service} {what} on {}. {next}", operation.as_str()),
    )
}

fn refused(operation: Operation, code: &str, said: &str) -> (Reason, String) {
    let name = operation.as_str();
    let because = if said.is_empty() {
        format!("AWS refuses {name} ({code}).")
    } else {
        format!("AWS refuses {name} ({code}: {said}).")
    };
    if ["AccessDenied", "UnauthorizedOperation", "NotAuthorized"]
        .iter()
        .any(|start| code.starts_with(start))
    {
        return (
            Reason::AccessDenied,
            format!(
                "{because} Allow {} to the operator's role; WorkMail also acts with the caller's \
                 rights on ds, ses, kms and route53.",
                operation.action()
            ),
        );
    }
    if [
        "UnrecognizedClient",
        "InvalidClientTokenId",
        "ExpiredToken",
        "InvalidSignature",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "IncompleteSignature",
    ]
    .iter()
    .any(|start| code.starts_with(start))
    {
        // AWS's text is left out: it carries times and keys.
        return (
            Reason::AccessDenied,
            format!(
                "AWS does not accept the operator's credentials ({code} on {name}). Renew them, \
                 and check the clock of the node if they are new."
            ),
        );
    }
    match (operation, code) {
        (Operation::DeleteOrganization, "InvalidParameterException" | "ValidationException") => (
            Reason::DeletionBlocked,
            format!(
                "{because} If it has enabled users, disable them, or set deletion.forceDelete and \
                 deletion.confirmOrganizationId. Setting deletionPolicy to Retain releases this \
                 resource and keeps the organization."
            ),
        ),
        (
            Operation::CreateOrganization | Operation::TagResource | Operation::UntagResource,
            "InvalidParameterException" | "ValidationException",
        ) => (
            Reason::InvalidParameter,
            format!(
                "{because} Correct the spec; fields that cannot be changed need a new resource."
            ),
        ),
        (Operation::CreateOrganization, "NameAvailabilityException") => (
            Reason::AliasUnavailable,
            format!(
                "{because} The alias is taken in another AWS account or region, or was once: an \
                 alias of a deleted organization may never be free again. Create a new resource \
                 with another alias."
            ),
        ),
        (_, "DirectoryInUseException") => (
            Reason::DirectoryInUse,
            format!(
                "{because} Another organization of this account and region uses the directory. \
                 Create a new resource with another directoryId, or none."
            ),
        ),
        (_, "UnsupportedOperationException") => (
            Reason::UnsupportedOperation,
            format!("{because} The organization's directory does not allow it. Correct the spec."),
        ),
        (_, "TooManyTagsException") => (
            Reason::TooManyTags,
            format!(
                "{because} AWS allows 50 tags: those of the spec, 3 that mark ownership, and those \
                 written by others. Remove some."
            ),
        ),
        (_, "LimitExceededException") => (
            Reason::LimitExceeded,
            format!(
                "{because} Delete an organization that is not needed, or ask AWS for a higher \
                 quota; it is tried again by itself."
            ),
        ),
        (_, "DirectoryUnavailableException") => (
            Reason::DirectoryUnavailable,
            format!(
                "{because} Check that the directory exists and is in the organization's region; \
                 it is tried again by itself."
            ),
        ),
        (Operation::DeleteOrganization, "OrganizationStateException") => (
            Reason::DeletionBlocked,
            format!(
                "{because} If it has enabled users, disable them, or set deletion.forceDelete and \
                 deletion.confirmOrganizationId. Setting deletionPolicy to Retain releases this \
                 resource and keeps the organization."
            ),
        ),
        (_, "OrganizationStateException") => (
            Reason::OrganizationBusy,
            format!("{because} It is tried again by itself."),
        ),
        (_, "OrganizationNotFoundException" | "ResourceNotFoundException") => (
            Reason::ServiceUnavailable,
            format!("{because} AWS listed the organization a moment ago; it is looked at again."),
        ),
        _ => (
            Reason::UnexpectedError,
            format!(
                "{because} It is tried again by itself; look the code up in AWS's documentation."
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::api::Class;

    fn refusal(operation: Operation, code: &str) -> Failure {
        let trouble = Trouble::from_answer(400, Some(code), Some("the text of AWS"));
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
        assert!(!failure.looking, "a create does not look");
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
    #[case(Trouble::TimedOut)]
    #[case(Trouble::Unreachable)]
    #[case(Trouble::ServerFault)]
    #[case(Trouble::Undecodable)]
    fn what_gives_no_answer_is_unavailable_and_may_have_done_the_work(#[case] trouble: Trouble) {
        let failure = Failure::of_call(Operation::CreateOrganization, &trouble, None);
        assert_eq!(failure.reason, Reason::ServiceUnavailable);
        assert!(!trouble.did_nothing());
    }

    #[test]
    fn an_unreachable_region_without_workmail_is_told_with_the_list_of_those_that_have_it() {
        let failure = Failure::of_call(
            Operation::ListOrganizations,
            &Trouble::Unreachable,
            Some(&Region::from("eu-central-1")),
        );
        assert_eq!(failure.reason, Reason::ServiceUnavailable);
        for region in Region::WITH_WORKMAIL {
            assert!(failure.message.contains(region), "{}", failure.message);
        }
    }

    #[rstest]
    #[case(503, Some("ServiceUnavailableException"), Trouble::ServerFault)]
    #[case(500, None, Trouble::ServerFault)]
    #[case(429, None, Trouble::Throttled)]
    #[case(400, None, Trouble::Undecodable)]
    #[case(503, Some("SlowDown"), Trouble::Throttled)]
    #[case(
        400,
        Some("com.amazonaws.workmail#ThrottlingException"),
        Trouble::Throttled
    )]
    fn an_answer_is_told_apart_by_code_before_status(
        #[case] status: u16,
        #[case] code: Option<&str>,
        #[case] trouble: Trouble,
    ) {
        assert_eq!(Trouble::from_answer(status, code, None), trouble);
    }

    #[test]
    fn a_code_that_aws_may_invent_is_other_in_a_label() {
        let trouble = Trouble::from_answer(400, Some("BrandNewException"), None);
        assert_eq!(trouble.label(), "other");
    }

    #[test]
    fn credentials_that_are_refused_do_not_put_aws_text_into_the_message() {
        let trouble = Trouble::from_answer(
            400,
            Some("InvalidSignatureException"),
            Some("Signature expired: 20261124T101010Z is now earlier than 20261124T111111Z"),
        );
        let failure = Failure::of_call(Operation::ListOrganizations, &trouble, None);
        assert!(!failure.message.contains("2026"), "{}", failure.message);
    }
}
