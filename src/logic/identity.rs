//! Identifiers of objects and of what they manage in AWS.

use std::{fmt, sync::Arc};

/// Which object this is. Cheap to clone: it is held wherever something is known of the object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its UID, also the client token of its create.
    pub uid: Arc<str>,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

// Identifiers are held in many places at once, and never change: all of them share one text.
macro_rules! identifier {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The value as AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value.into())
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self(value.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

identifier!(
    /// An organization's id: `m-` and 32 hexadecimal digits. Assigned by AWS.
    OrganizationId
);
identifier!(
    /// An AWS account: 12 digits.
    AccountId
);
identifier!(
    /// An AWS region, such as `us-east-1`.
    Region
);

impl Region {
    /// The regions that have WorkMail (AWS general reference, "Amazon WorkMail endpoints").
    pub const WITH_WORKMAIL: [&'static str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

    /// Whether the service is known to be in this region.
    #[must_use]
    pub fn has_workmail(&self) -> bool {
        Self::WITH_WORKMAIL.contains(&self.as_str())
    }
}
