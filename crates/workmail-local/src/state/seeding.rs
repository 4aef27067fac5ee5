//! Seeds, and changes without a call. The rules of the operations do not apply to them.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Directory, Domains, Entities, Entity, Exports, Organization, State, role_of_arn};
use crate::{
    clock::before,
    ids::{self, Location, OrganizationId},
    seeds::{
        Credential, EntityChange, Metadata, OrganizationChange, SeedDirectory, SeedError,
        SeedGroup, SeedOrganization, SeedResource, SeedRole, SeedUser, SeedZone, Seeds, Shown,
        check_entity,
    },
    states,
    views::EntityView,
};

impl State {
    /// Adds everything in `seeds`.
    pub(crate) fn seed(&mut self, seeds: &Seeds, now: Timestamp) -> Result<(), SeedError> {
        for credential in seeds.credentials.iter().cloned() {
            self.seed_credential(credential)?;
        }
        for role in seeds.roles.iter().cloned() {
            self.seed_role(role)?;
        }
        self.set_metadata(seeds.metadata.clone())?;
        for directory in seeds.directories.iter().cloned() {
            self.seed_directory(directory)?;
        }
        for zone in seeds.zones.iter().cloned() {
            self.seed_zone(zone)?;
        }
        for organization in seeds.organizations.iter().cloned() {
            self.seed_organization(organization, now)?;
        }
        Ok(())
    }

    pub(crate) fn seed_credential(&mut self, credential: Credential) -> Result<(), SeedError> {
        check_account(&credential.account)?;
        let key = credential.access_key.clone();
        self.credentials.insert(key, credential);
        Ok(())
    }

    pub(crate) fn seed_role(&mut self, role: SeedRole) -> Result<(), SeedError> {
        check_role(&role.arn)?;
        self.sessions.put_role(role);
        Ok(())
    }

    pub(crate) fn set_metadata(&mut self, metadata: Metadata) -> Result<(), SeedError> {
        let Metadata {
            instance_role,
            container_role,
        } = &metadata;
        for arn in [instance_role, container_role].into_iter().flatten() {
            check_role(arn)?;
        }
        self.sessions.metadata = metadata;
        Ok(())
    }

    pub(crate) fn seed_zone(&mut self, zone: SeedZone) -> Result<(), SeedError> {
        check_account(&zone.account)?;
        let name = zone.name.trim_end_matches('.').to_ascii_lowercase();
        self.zones.insert((zone.account, zone.id), name);
        Ok(())
    }

    pub(crate) fn seed_directory(&mut self, seed: SeedDirectory) -> Result<&Directory, SeedError> {
        check_account(&seed.account)?;
        let id = seed.id.unwrap_or_else(ids::directory_id);
        if !ids::is_directory_id(&id) {
            return Err(SeedError::Form(id, "directory id"));
        }
        if self.directories.get(&id).is_some() {
            return Err(SeedError::Exists(id));
        }
        let location = Location {
            account: seed.account,
            region: seed.region,
        };
        self.directories.add(Directory {
            id: id.clone(),
            location,
            alias: seed.alias,
            kind: seed.kind,
            organization: None,
            deleted: false,
            other_applications: seed.other_applications,
        });
        self.directories.get(&id).ok_or(SeedError::Unknown(id))
    }

    pub(crate) fn seed_organization(
        &mut self,
        seed: SeedOrganization,
        now: Timestamp,
    ) -> Result<&Organization, SeedError> {
        check_seed(&seed)?;
        let id = self.seeded_id(seed.id)?;
        let location = Location {
            account: seed.account,
            region: seed.region,
        };
        let makes_directory = seed.directory_id.is_none();
        let directory_id = self.directory_of_seed(seed.directory_id, &location, &seed.alias, id)?;
        let created_at = before(now, seed.age.0);
        let not_usable_yet = [states::REQUESTED, states::CREATING, states::FAILED];
        let domains = Domains::of(&seed.alias);
        let default = seed
            .default_mail_domain
            .unwrap_or_else(|| domains.default_name().to_owned());
        let entities = entities_of_seed(seed.users, seed.groups, seed.resources, &default, now)?;
        let organization = Organization {
            id,
            location,
            serial: self.next_serial(),
            completed_date: (!not_usable_yet.contains(&seed.state.as_str())).then_some(created_at),
            error_message: seed.error_message,
            directory_id,
            makes_directory,
            entities,
            exports: Exports::default(),
            created_at,
            seeded: true,
            alias: seed.alias,
            interoperability_enabled: seed.interoperability_enabled,
            domains,
            tags: seed.tags,
            accepted_deletion: None,
            plan: VecDeque::new(),
            state: seed.state,
        };
        let (directory, deleted) = (organization.directory_id.clone(), organization.is_deleted());
        self.add(organization);
        for mut domain in seed.domains {
            let verified = || states::VERIFIED.to_owned();
            domain.ownership.get_or_insert_with(verified);
            domain.dkim.get_or_insert_with(verified);
            self.set_domain(id, domain, created_at);
        }
        self.set_default_domain(id, &default, created_at);
        if deleted {
            self.directories.release(&directory, false);
        }
        self.find(id)
            .ok_or_else(|| SeedError::Unknown(id.to_string()))
    }

    fn seeded_id(&self, id: Option<String>) -> Result<OrganizationId, SeedError> {
        let Some(text) = id else {
            return Ok(OrganizationId::random());
        };
        match OrganizationId::parse(&text) {
            None => Err(SeedError::Form(text, "organization id")),
            Some(id) if self.find(id).is_some() => Err(SeedError::Exists(text)),
            Some(id) => Ok(id),
        }
    }

    /// Returns the id of a seeded directory, or of a new directory that WorkMail made.
    fn directory_of_seed(
        &mut self,
        named: Option<String>,
        location: &Location,
        alias: &str,
        organization: OrganizationId,
    ) -> Result<String, SeedError> {
        let Some(named) = named else {
            let made = Directory::of_workmail(location.clone(), alias.to_owned(), organization);
            let id = made.id.clone();
            self.directories.add(made);
            return Ok(id);
        };
        match self.directories.at(&named, location) {
            Some(_) => Ok(named),
            None => Err(SeedError::Unknown(named)),
        }
    }

    /// Adds an entity that is made for an organization with this default domain.
    pub(crate) fn seed_entity(
        &mut self,
        id: OrganizationId,
        make: impl FnOnce(&str) -> Entity,
    ) -> Result<EntityView, SeedError> {
        let organization = self.find_mut(id);
        let organization = organization.ok_or_else(|| SeedError::Unknown(id.to_string()))?;
        let entity = make(organization.domains.default_name());
        let view = entity.view();
        check_entity(&view, entity.display_name.as_deref())?;
        if organization.entities.get(&view.id).is_some() {
            return Err(SeedError::Exists(view.id));
        }
        organization.entities.add(entity);
        Ok(view)
    }

    /// Changes an entity without a call.
    pub(crate) fn change_entity(
        &mut self,
        id: OrganizationId,
        entity: &str,
        change: EntityChange,
        now: Timestamp,
    ) -> Result<EntityView, SeedError> {
        let unknown = || SeedError::Unknown(entity.to_owned());
        let organization = self.find_mut(id).ok_or_else(unknown)?;
        let entity = organization.entities.get_mut(entity).ok_or_else(unknown)?;
        let mut changed = entity.clone();
        changed.change(change, now);
        let view = changed.view();
        check_entity(&view, None)?;
        *entity = changed;
        Ok(view)
    }

    pub(crate) fn change(
        &mut self,
        id: OrganizationId,
        change: OrganizationChange,
        now: Timestamp,
    ) -> Result<&Organization, SeedError> {
        let unknown = || SeedError::Unknown(id.to_string());
        let organization = self.find_mut(id).ok_or_else(unknown)?;
        let mut tags = organization.tags.clone();
        tags.retain(|key, _| !change.remove_tags.contains(key));
        tags.extend(change.set_tags);
        Shown {
            alias: None,
            state: change.state.as_deref(),
            error_message: change.error_message.as_deref(),
            default_mail_domain: change.default_mail_domain.as_deref(),
            domains: &change.set_domains,
            tags: &tags,
        }
        .check()?;
        organization.tags = tags;
        if change.state.is_none() && change.error_message.is_some() {
            organization.error_message.clone_from(&change.error_message);
        }
        for domain in change.set_domains {
            self.set_domain(id, domain, now);
        }
        for domain in change.remove_domains {
            self.deregister_domain(id, &domain);
        }
        if let Some(domain) = change.default_mail_domain {
            self.set_default_domain(id, &domain, now);
        }
        if let Some(state) = change.state {
            self.set_state(id, state, change.error_message, now);
        }
        self.find(id).ok_or_else(unknown)
    }

    /// Removes an organization as if it had never existed, with the alias and the directory that
    /// WorkMail made. Returns whether it existed.
    pub(crate) fn remove(&mut self, id: OrganizationId) -> bool {
        let removed = self.remove_from_view(id);
        if let Some(organization) = &removed {
            self.directories.remove_traces(&organization.directory_id);
        }
        removed.is_some()
    }
}

fn check_seed(seed: &SeedOrganization) -> Result<(), SeedError> {
    check_account(&seed.account)?;
    Shown {
        alias: Some(&seed.alias),
        state: Some(&seed.state),
        error_message: seed.error_message.as_deref(),
        default_mail_domain: seed.default_mail_domain.as_deref(),
        domains: &seed.domains,
        tags: &seed.tags,
    }
    .check()
}

fn entities_of_seed(
    users: Vec<SeedUser>,
    groups: Vec<SeedGroup>,
    resources: Vec<SeedResource>,
    default_domain: &str,
    now: Timestamp,
) -> Result<Entities, SeedError> {
    let users = users.into_iter();
    let users = users.map(|seed| Entity::user(seed, default_domain, now));
    let groups = groups.into_iter().map(|seed| Entity::group(seed, now));
    let resources = resources.into_iter();
    let resources = resources.map(|seed| Entity::resource(seed, default_domain, now));
    let mut entities = Entities::default();
    for entity in users.chain(groups).chain(resources) {
        check_entity(&entity.view(), entity.display_name.as_deref())?;
        entities.add(entity);
    }
    Ok(entities)
}

fn check_role(arn: &str) -> Result<(), SeedError> {
    match role_of_arn(arn) {
        Some(_) => Ok(()),
        None => Err(SeedError::Form(arn.to_owned(), "role ARN")),
    }
}

fn check_account(account: &str) -> Result<(), SeedError> {
    if ids::is_account(account) {
        Ok(())
    } else {
        Err(SeedError::Form(account.to_owned(), "account"))
    }
}
