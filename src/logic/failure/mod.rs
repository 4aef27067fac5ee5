//! From an error of AWS to a reason and a sentence: the one table.

mod table;
#[cfg(test)]
mod tests;

use super::text;
use crate::api::Reason;

/// A service of AWS that the operator calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// AWS Security Token Service.
    Sts,
    /// Amazon WorkMail.
    WorkMail,
    /// Amazon S3.
    S3,
}

impl Service {
    /// Its name in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sts => "AWS STS",
            Self::WorkMail => "Amazon WorkMail",
            Self::S3 => "Amazon S3",
        }
    }

    /// Its prefix in IAM actions.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::WorkMail => "workmail",
            Self::S3 => "s3",
        }
    }
}

/// Makes [`Operation`] from its table: name, service, whether the operation changes anything in AWS, and its
/// IAM action where that has another name (service authorization reference).
macro_rules! operations {
    (@action $name:ident) => { stringify!($name) };
    (@action $name:ident $action:ident) => { stringify!($action) };
    ($($name:ident: $service:ident, $effect:ident $(, $action:ident)?;)*) => {
        /// The AWS operations the operator calls.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(
                #[doc = concat!("`", stringify!($name), "` of ", stringify!($service), ".")]
                $name,
            )*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: [Self; [$(stringify!($name)),*].len()] = [$(Self::$name),*];

            /// Its name in the service's API.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                self.row().0
            }

            const fn row(self) -> (&'static str, Service, Effect) {
                match self {
                    $(Self::$name => (stringify!($name), Service::$service, Effect::$effect),)*
                }
            }

            const fn action_name(self) -> &'static str {
                match self {
                    $(Self::$name => operations!(@action $name $($action)?),)*
                }
            }
        }
    };
}

/// What an operation does in AWS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    Reads,
    Changes,
}

operations! {
    GetCallerIdentity: Sts, Reads;
    AssumeRole: Sts, Reads;
    ListOrganizations: WorkMail, Reads;
    DescribeOrganization: WorkMail, Reads;
    ListTagsForResource: WorkMail, Reads;
    CreateOrganization: WorkMail, Changes;
    TagResource: WorkMail, Changes;
    UntagResource: WorkMail, Changes;
    DeleteOrganization: WorkMail, Changes;
    ListMailDomains: WorkMail, Reads;
    GetMailDomain: WorkMail, Reads;
    RegisterMailDomain: WorkMail, Changes;
    UpdateDefaultMailDomain: WorkMail, Changes;
    DeregisterMailDomain: WorkMail, Changes;
    ListUsers: WorkMail, Reads;
    ListGroups: WorkMail, Reads;
    ListResources: WorkMail, Reads;
    StartMailboxExportJob: WorkMail, Changes;
    CancelMailboxExportJob: WorkMail, Changes;
    DescribeMailboxExportJob: WorkMail, Reads;
    ListMailboxExportJobs: WorkMail, Reads;
    DescribeUser: WorkMail, Reads;
    DescribeResource: WorkMail, Reads;
    GetMailboxDetails: WorkMail, Reads;
    HeadObject: S3, Reads, GetObject;
    GetObject: S3, Reads;
    PutObject: S3, Changes;
    ListObjectsV2: S3, Reads, ListBucket;
}

impl Operation {
    /// Its service.
    #[must_use]
    pub const fn service(self) -> Service {
        self.row().1
    }

    /// Its IAM action.
    #[must_use]
    pub fn action(self) -> String {
        format!("{}:{}", self.service().prefix(), self.action_name())
    }

    /// Whether it changes anything in AWS.
    #[must_use]
    pub const fn mutates(self) -> bool {
        match self.row().2 {
            Effect::Reads => false,
            Effect::Changes => true,
        }
    }
}

/// What can go wrong with one call, told apart by what it says about AWS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// AWS answered with an error code, and did nothing.
    Refused {
        /// The code, without a namespace.
        code: String,
        /// AWS's text, on one line.
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
    NoCredentials {
        /// What the source of the credentials said; `None` where there is no source.
        said: Option<String>,
    },
}

impl ErrorKind {
    /// Returns the error of credentials that could not be loaded. `said` completes "the operator could
    /// not load its AWS credentials: …".
    #[must_use]
    pub fn no_credentials(said: Option<&str>) -> Self {
        Self::NoCredentials {
            said: said.map(|said| text::of_aws(said, &[])),
        }
    }

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
            message: text::one_line(message.unwrap_or_default()),
        }
    }

    /// Whether AWS certainly did nothing.
    #[must_use]
    pub const fn did_nothing(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Throttled | Self::NoCredentials { .. } => true,
            Self::TimedOut | Self::Unreachable | Self::ServerFault | Self::Undecodable => false,
        }
    }

    /// The bounded word for the metric label `code`: AWS's own for the codes it documents.
    #[must_use]
    pub fn label(&self) -> &str {
        const KNOWN: [&str; 22] = [
            "AccessDeniedException",
            "DirectoryInUseException",
            "DirectoryUnavailableException",
            "EntityNotFoundException",
            "ExpiredTokenException",
            "InvalidCustomSesConfigurationException",
            "InvalidParameterException",
            "InvalidSignatureException",
            "LimitExceededException",
            "MailDomainInUseException",
            "MailDomainNotFoundException",
            "MailDomainStateException",
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
            Self::NoCredentials { .. } => "NoCredentials",
        }
    }
}

/// Something that keeps the object from being as the spec says. Its texts are stable: no request id,
/// time or count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The condition's reason; its class says what follows.
    pub reason: Reason,
    /// What to do next, in full sentences.
    pub next_step: String,
    /// What happened and where, in full sentences.
    pub detail: String,
    /// Nothing is known to be wrong with the organization: it could not be read.
    pub read_failed: bool,
}

impl Failure {
    /// Returns a fact about the organization or the spec: what to do, and what is wrong.
    #[must_use]
    pub fn of(reason: Reason, next_step: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            reason,
            next_step: next_step.into(),
            detail: detail.into(),
            read_failed: false,
        }
    }

    /// Returns a failed read: what to do, and what went wrong.
    #[must_use]
    pub fn of_read(
        reason: Reason,
        next_step: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            read_failed: true,
            ..Self::of(reason, next_step, detail)
        }
    }

    /// Returns the failure of a request to the Kubernetes API. `what` completes "allow the operator to
    /// …", `said` is the API server's sentence. `read_failed`: nothing but a read was refused.
    #[must_use]
    pub fn of_kubernetes(what: &str, code: u16, said: &str, read_failed: bool) -> Self {
        Self::of_kubernetes_naming(&[], what, code, said, read_failed)
    }

    /// The same, where the names of the object are known: they stay in the sentence.
    #[must_use]
    pub fn of_kubernetes_naming(
        named: &[String],
        what: &str,
        code: u16,
        said: &str,
        read_failed: bool,
    ) -> Self {
        let reason = if code < 500 {
            Reason::UnexpectedError
        } else {
            Reason::ServiceUnavailable
        };
        let detail = format!(
            "The Kubernetes API refused it: {}.",
            text::steady(said, named)
        );
        Self {
            read_failed,
            ..Self::of(reason, format!("Allow the operator to {what}."), detail)
        }
    }

    /// Returns the message of the Ready condition: the next step, then what happened.
    #[must_use]
    pub fn message(&self) -> String {
        format!("{} {}", self.next_step, self.detail)
            .trim()
            .to_owned()
    }
}
