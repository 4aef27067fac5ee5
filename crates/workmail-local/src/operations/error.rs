//! Errors in the form of the service.

use crate::ids::OrganizationId;

/// The member that holds the text of an error.
///
/// The exceptions of the model have `Message`. Errors of the framework in front of the service,
/// such as throttling and signatures, have `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextMember {
    Capital,
    Lower,
}

/// An error of a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", message.as_deref().unwrap_or("no message"))]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: Option<String>,
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) text_member: TextMember,
}

/// The longest `Message` that the model allows, in characters.
const LONGEST_MESSAGE: usize = 256;

impl ApiError {
    /// Returns an exception of the model.
    fn modelled(code: &str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            code: code.to_owned(),
            message: Some(message.chars().take(LONGEST_MESSAGE).collect()),
            status: 400,
            text_member: TextMember::Capital,
        }
    }

    /// Returns an error of the framework, which every service has.
    pub(crate) fn framework(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: Some(message.into()),
            status: 400,
            text_member: TextMember::Lower,
        }
    }

    /// Returns an error that a fault describes. An empty text is left out.
    pub(crate) fn injected(code: &str, message: &str, status: u16) -> Self {
        let error = if FRAMEWORK_CODES.contains(&code) {
            Self::framework(code, message)
        } else {
            Self::modelled(code, message)
        };
        Self {
            message: error.message.filter(|text| !text.is_empty()),
            status,
            ..error
        }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self {
            text_member: TextMember::Capital,
            ..Self::framework("AccessDeniedException", message)
        }
    }

    /// Returns the error of a body that is not JSON, or has a value of the wrong type.
    pub(crate) fn serialization(message: Option<String>) -> Self {
        Self {
            message,
            ..Self::modelled("SerializationException", "")
        }
    }

    pub(crate) fn internal() -> Self {
        Self {
            message: None,
            ..Self::framework("InternalFailure", "").with_status(500)
        }
    }

    pub(crate) fn too_large() -> Self {
        let text = "The request is too large.";
        Self::framework("RequestEntityTooLargeException", text).with_status(413)
    }

    /// Returns the error of an operation that is not served. The service gives no text. This one
    /// tells developers that the operation is missing here.
    pub(crate) fn unknown_operation(status: u16, name: &str) -> Self {
        let text =
            format!("workmail-local does not serve {name}; its README lists what it serves.");
        Self::framework("UnknownOperationException", text).with_status(status)
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::modelled("InvalidParameterException", message)
    }

    pub(crate) fn directory_in_use(directory: &str) -> Self {
        let text = format!("The directory {directory} is already in use by another organization.");
        Self::modelled("DirectoryInUseException", text)
    }

    pub(crate) fn directory_unavailable(directory: &str) -> Self {
        let text = format!("The directory {directory} is unavailable.");
        Self::modelled("DirectoryUnavailableException", text)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::modelled("LimitExceededException", message)
    }

    pub(crate) fn name_availability(alias: &str) -> Self {
        let text = format!("The alias {alias} is not available.");
        Self::modelled("NameAvailabilityException", text)
    }

    pub(crate) fn organization_not_found(id: &str) -> Self {
        let text = format!("Organization {id} was not found.");
        Self::modelled("OrganizationNotFoundException", text)
    }

    /// Returns the error of a state that does not allow a call, with the text of the service.
    pub(crate) fn organization_state(id: OrganizationId, state: &str) -> Self {
        let text = format!("Organization {id} is not Active, state: {state}");
        Self::modelled("OrganizationStateException", text)
    }

    pub(crate) fn enabled_users(code: &str, id: OrganizationId) -> Self {
        let text = format!("Organization {id} has enabled users; ForceDelete deletes them too.");
        Self::modelled(code, text)
    }

    pub(crate) fn entity_not_found(identifier: &str) -> Self {
        let text = format!("The entity {identifier} was not found.");
        Self::modelled("EntityNotFoundException", text)
    }

    pub(crate) fn entity_state(identifier: &str) -> Self {
        let text = format!("The entity {identifier} is not in a valid state.");
        Self::modelled("EntityStateException", text)
    }

    pub(crate) fn mail_domain_in_use(message: impl Into<String>) -> Self {
        Self::modelled("MailDomainInUseException", message)
    }

    pub(crate) fn mail_domain_not_found(name: &str) -> Self {
        let text = format!("The domain {name} was not found.");
        Self::modelled("MailDomainNotFoundException", text)
    }

    pub(crate) fn mail_domain_state(name: &str) -> Self {
        let text = format!("The domain {name} is not verified.");
        Self::modelled("MailDomainStateException", text)
    }

    /// Returns the error of a receipt rule with a setting that WorkMail cannot save. The text
    /// names the setting, as the model says.
    pub(crate) fn invalid_custom_ses_configuration(name: &str) -> Self {
        let text = format!(
            "The SES receipt rule of the domain {name} has a setting that cannot be kept: \
             ScanEnabled."
        );
        Self::modelled("InvalidCustomSesConfigurationException", text)
    }

    pub(crate) fn resource_not_found(arn: &str) -> Self {
        let text = format!("Resource {arn} was not found.");
        Self::modelled("ResourceNotFoundException", text)
    }

    pub(crate) fn too_many_tags() -> Self {
        let text = "A resource can have at most 50 tags.";
        Self::modelled("TooManyTagsException", text)
    }
}

/// The codes of errors of the framework that faults may name.
const FRAMEWORK_CODES: [&str; 12] = [
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InternalFailure",
    "InternalServerError",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "ServiceUnavailable",
    "ThrottlingException",
    "TooManyRequestsException",
    "UnrecognizedClientException",
    "ValidationException",
];
