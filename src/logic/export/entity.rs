//! Users and resources: whatever has a mailbox.

use k8s_openapi::jiff::Timestamp;

/// A user or resource of an organization's directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// Its id.
    pub id: String,
    /// Whether it is a user or a resource.
    pub kind: EntityKind,
    /// Its name in the directory.
    pub name: String,
    /// Its primary address, if it has one.
    pub email: Option<String>,
    /// The name that is displayed.
    pub display_name: Option<String>,
    /// Whether it can be signed in to.
    pub state: EntityState,
    /// When it was disabled, if it is.
    pub disabled_at: Option<Timestamp>,
    /// The size of its mailbox in bytes, where it was read. AWS tells it of users only.
    pub bytes: Option<u64>,
}

impl Entity {
    /// Whether a user means this entity by its id, its name or its address.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.id == word
            || self.name.eq_ignore_ascii_case(word)
            || self
                .email
                .as_deref()
                .is_some_and(|email| email.eq_ignore_ascii_case(word))
    }

    /// What it is called in messages: its address, else its id.
    #[must_use]
    pub fn label(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.id)
    }
}

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A person.
    User,
    /// A room or a piece of equipment.
    Resource,
}

/// The state of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityState {
    /// It can be used.
    Enabled,
    /// It cannot be used; its mail is kept for 30 days.
    Disabled,
    /// It is deleted. A word that this version does not know is not taken for it.
    Deleted,
}
