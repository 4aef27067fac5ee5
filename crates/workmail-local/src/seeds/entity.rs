//! Users, groups and resources.

use serde::{Deserialize, Serialize};

use crate::span::Span;

/// The state of a user, a group or a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EntityState {
    /// Has an address; a user or a resource has a mailbox. An enabled user blocks the deletion of
    /// the organization.
    #[default]
    Enabled,
    /// Has no mailbox that receives mail.
    Disabled,
    /// Was deleted, and is still shown.
    Deleted,
}

/// The role of a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum UserRole {
    /// A person.
    #[default]
    User,
    /// A resource.
    Resource,
    /// A user of the directory itself, such as a guest.
    SystemUser,
    /// A user whose mailbox is elsewhere.
    RemoteUser,
}

/// The type of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResourceType {
    /// A room.
    #[default]
    Room,
    /// Equipment.
    Equipment,
}

/// A user of an organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedUser {
    /// The user name.
    pub name: String,
    /// The id. Default: a random UUID.
    pub id: Option<String>,
    /// The primary address. Default for an enabled user: `<name>@` and the default domain.
    pub email: Option<String>,
    /// The display name. Default: the user name.
    pub display_name: Option<String>,
    /// The role.
    pub role: UserRole,
    /// The state.
    pub state: EntityState,
    /// How long ago a disabled or deleted user was disabled. Without it, the user was never
    /// enabled and has no mailbox.
    pub disabled_age: Option<Span>,
    /// The other addresses.
    pub aliases: Vec<String>,
    /// The size of the mailbox in MB.
    pub mailbox_size: f64,
}

impl SeedUser {
    /// Returns an enabled user.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Returns the same user with a mailbox of this size in MB.
    #[must_use]
    pub fn mailbox_size(mut self, megabytes: f64) -> Self {
        self.mailbox_size = megabytes;
        self
    }

    /// Returns the same user, disabled so long ago.
    #[must_use]
    pub fn disabled(mut self, ago: std::time::Duration) -> Self {
        self.state = EntityState::Disabled;
        self.disabled_age = Some(Span(ago));
        self
    }
}

/// A group of an organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedGroup {
    /// The name.
    pub name: String,
    /// The id. Default: a random UUID.
    pub id: Option<String>,
    /// The primary address. Default: none.
    pub email: Option<String>,
    /// The state.
    pub state: EntityState,
    /// How long ago a disabled or deleted group was disabled.
    pub disabled_age: Option<Span>,
    /// The other addresses.
    pub aliases: Vec<String>,
}

/// A resource of an organization.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct SeedResource {
    /// The name.
    pub name: String,
    /// The id. Default: `r-` and 32 random hexadecimal digits.
    pub id: Option<String>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ResourceType,
    /// The primary address. Default for an enabled resource: `<name>@` and the default domain.
    pub email: Option<String>,
    /// The state.
    pub state: EntityState,
    /// How long ago a disabled or deleted resource was disabled. Without it, the resource was
    /// never enabled and has no mailbox.
    pub disabled_age: Option<Span>,
    /// The other addresses.
    pub aliases: Vec<String>,
    /// The size of the mailbox in MB. No operation shows it; exports have this size.
    pub mailbox_size: f64,
}

/// A change of a user, a group or a resource that no call makes.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct EntityChange {
    /// The new state. A new state other than before sets the date of it to now.
    pub state: Option<EntityState>,
    /// The new primary address; empty for none.
    pub email: Option<String>,
    /// All other addresses.
    pub aliases: Option<Vec<String>>,
    /// The new size of the mailbox in MB.
    pub mailbox_size: Option<f64>,
}

impl EntityChange {
    /// Returns a change of the state.
    #[must_use]
    pub fn state(state: EntityState) -> Self {
        Self {
            state: Some(state),
            ..Self::default()
        }
    }

    /// Returns a change of the size of the mailbox in MB.
    #[must_use]
    pub fn mailbox_size(megabytes: f64) -> Self {
        Self {
            mailbox_size: Some(megabytes),
            ..Self::default()
        }
    }
}
