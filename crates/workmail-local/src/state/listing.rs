//! One account in one region: what a client sees of the service, in the orders of its lists.

use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Unbounded},
};

use serde::{Deserialize, Serialize};

use super::organization::Organization;
use crate::{ids::OrganizationId, knobs::ListOrder};

/// A place in a list, from which the next page goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Position {
    Creation(u64),
    Name(String, u64),
    Id(String),
}

/// The organizations of one place, in every order that a list may have.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    serials: BTreeMap<u64, OrganizationId>,
    aliases: BTreeMap<(String, u64), OrganizationId>,
    ids: BTreeMap<String, OrganizationId>,
}

impl Listing {
    pub(crate) fn add(&mut self, organization: &Organization) {
        let Organization {
            id, serial, alias, ..
        } = organization;
        self.serials.insert(*serial, *id);
        self.aliases
            .insert((alias.to_ascii_lowercase(), *serial), *id);
        self.ids.insert(id.to_string(), *id);
    }

    pub(crate) fn remove(&mut self, organization: &Organization) {
        let Organization {
            id, serial, alias, ..
        } = organization;
        self.serials.remove(serial);
        self.aliases.remove(&(alias.to_ascii_lowercase(), *serial));
        self.ids.remove(&id.to_string());
    }

    /// All of them, in an order.
    pub(crate) fn all(&self, order: ListOrder) -> Box<dyn Iterator<Item = OrganizationId> + '_> {
        match order {
            ListOrder::Creation => Box::new(self.serials.values().copied()),
            ListOrder::Name => Box::new(self.aliases.values().copied()),
            ListOrder::Id => Box::new(self.ids.values().copied()),
        }
    }

    /// Those after a position, in the order that it belongs to.
    pub(crate) fn after(
        &self,
        position: Position,
    ) -> Box<dyn Iterator<Item = OrganizationId> + '_> {
        match position {
            Position::Creation(serial) => Box::new(
                self.serials
                    .range((Excluded(serial), Unbounded))
                    .map(|(_, id)| *id),
            ),
            Position::Name(alias, serial) => Box::new(
                self.aliases
                    .range((Excluded((alias, serial)), Unbounded))
                    .map(|(_, id)| *id),
            ),
            Position::Id(id) => {
                Box::new(self.ids.range((Excluded(id), Unbounded)).map(|(_, id)| *id))
            }
        }
    }

    /// Where an organization is in an order.
    pub(crate) fn position(organization: &Organization, order: ListOrder) -> Position {
        match order {
            ListOrder::Creation => Position::Creation(organization.serial),
            ListOrder::Name => {
                Position::Name(organization.alias.to_ascii_lowercase(), organization.serial)
            }
            ListOrder::Id => Position::Id(organization.id.to_string()),
        }
    }
}

impl Position {
    /// The order that it belongs to.
    pub(crate) fn order(&self) -> ListOrder {
        match self {
            Self::Creation(_) => ListOrder::Creation,
            Self::Name(..) => ListOrder::Name,
            Self::Id(_) => ListOrder::Id,
        }
    }
}
