//! Errors as the service gives them.

use crate::{ids::OrganizationId, knobs::CodedError};

/// How the member with an error's text begins. The service's own exceptions have `Message`; those
/// of the framework that it runs in have `message`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letter {
    Upper,
    Lower,
}

/// An error, by code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {}", message.as_deref().unwrap_or("no message"))]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: Option<String>,
    pub(crate) status: u16,
    pub(crate) letter: Letter,
}

/// The bound of `Message` in the model.
const LONGEST_MESSAGE: usize = 256;

impl ApiError {
    /// One of the service's own exceptions.
    fn own(code: &str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self {
            code: code.to_owned(),
            message: Some(message.chars().take(LONGEST_MESSAGE).collect()),
            status: 400,
            letter: Letter::Upper,
        }
    }

    /// An error that every service of this kind has.
    pub(crate) fn common(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: Some(message.into()),
            status: 400,
            letter: Letter::Lower,
        }
    }

    /// An error that a knob or a fault describes.
    pub(crate) fn coded(error: &CodedError) -> Self {
        let letter = if is_common(&error.code) {
            Letter::Lower
        } else {
            Letter::Upper
        };
        Self {
            code: error.code.clone(),
            message: (!error.message.is_empty()).then(|| match letter {
                Letter::Upper => error.message.chars().take(LONGEST_MESSAGE).collect(),
                Letter::Lower => error.message.clone(),
            }),
            status: error.status,
            letter,
        }
    }

    pub(crate) fn access_denied(message: impl Into<String>) -> Self {
        Self {
            letter: Letter::Upper,
            ..Self::common("AccessDeniedException", message)
        }
    }

    /// A body that is no JSON, or has a value of the wrong type.
    pub(crate) fn serialization(message: Option<String>) -> Self {
        let code = "SerializationException".to_owned();
        Self {
            code,
            message,
            status: 400,
            letter: Letter::Upper,
        }
    }

    pub(crate) fn internal() -> Self {
        Self {
            code: "InternalFailure".to_owned(),
            message: None,
            status: 500,
            letter: Letter::Lower,
        }
    }

    pub(crate) fn too_large() -> Self {
        let error = Self::common(
            "RequestEntityTooLargeException",
            "The request is too large.",
        );
        Self {
            status: 413,
            ..error
        }
    }

    /// The error of an operation that is not served. The service gives no text; the text is for
    /// the developer who has to learn that the operation is missing here.
    pub(crate) fn unknown_operation(status: u16, name: &str) -> Self {
        let text =
            format!("workmail-local does not serve {name}; its README lists what it serves.");
        Self {
            status,
            ..Self::common("UnknownOperationException", text)
        }
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::own("InvalidParameterException", message)
    }

    pub(crate) fn directory_in_use(directory: &str) -> Self {
        let text = format!("The directory {directory} is already in use by another organization.");
        Self::own("DirectoryInUseException", text)
    }

    pub(crate) fn directory_unavailable(directory: &str) -> Self {
        let text = format!("The directory {directory} is unavailable.");
        Self::own("DirectoryUnavailableException", text)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::own("LimitExceededException", message)
    }

    pub(crate) fn name_availability(alias: &str) -> Self {
        let text = format!("The alias {alias} is not available.");
        Self::own("NameAvailabilityException", text)
    }

    pub(crate) fn organization_not_found(id: &str) -> Self {
        Self::own(
            "OrganizationNotFoundException",
            format!("Organization {id} was not found."),
        )
    }

    /// The text is the service's own.
    pub(crate) fn organization_state(id: OrganizationId, state: &str) -> Self {
        let text = format!("Organization {id} is not Active, state: {state}");
        Self::own("OrganizationStateException", text)
    }

    pub(crate) fn organization_busy(message: impl Into<String>) -> Self {
        Self::own("OrganizationStateException", message)
    }

    pub(crate) fn mail_domain_in_use(message: impl Into<String>) -> Self {
        Self::own("MailDomainInUseException", message)
    }

    pub(crate) fn mail_domain_not_found(name: &str) -> Self {
        Self::own(
            "MailDomainNotFoundException",
            format!("The domain {name} was not found."),
        )
    }

    pub(crate) fn mail_domain_state(name: &str) -> Self {
        Self::own(
            "MailDomainStateException",
            format!("The domain {name} is not verified."),
        )
    }

    /// The text names what cannot be kept, as the model says it does.
    pub(crate) fn invalid_custom_ses_configuration(name: &str) -> Self {
        let text = format!(
            "The SES receipt rule of the domain {name} has a setting that cannot be kept: \
             ScanEnabled."
        );
        Self::own("InvalidCustomSesConfigurationException", text)
    }

    pub(crate) fn resource_not_found(arn: &str) -> Self {
        Self::own(
            "ResourceNotFoundException",
            format!("Resource {arn} was not found."),
        )
    }

    pub(crate) fn too_many_tags() -> Self {
        Self::own(
            "TooManyTagsException",
            "A resource can have at most 50 tags.",
        )
    }
}

/// Whether a code is none of the service's own.
fn is_common(code: &str) -> bool {
    const COMMON: [&str; 12] = [
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
    COMMON.contains(&code)
}
