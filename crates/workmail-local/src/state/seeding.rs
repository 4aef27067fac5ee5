//! What comes into a world from outside, and past its rules.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Directory, Domains, Organization, Standing, User, World};
use crate::{
    clock::before,
    ids::{self, OrganizationId, Place},
    seeds::{
        Credential, OrganizationChange, SeedDirectory, SeedDomain, SeedError, SeedIdentity,
        SeedOrganization, SeedUser, SeedZone, Seeds, Shown,
    },
    words,
};

impl World {
    /// Puts everything there.
    pub(crate) fn seed(&mut self, seeds: &Seeds, now: Timestamp) -> Result<(), SeedError> {
        for credential in seeds.credentials.iter().cloned() {
            self.seed_credential(credential)?;
        }
        for directory in seeds.directories.iter().cloned() {
            self.seed_directory(directory)?;
        }
        for zone in seeds.zones.iter().cloned() {
            self.seed_zone(zone)?;
        }
        for identity in seeds.identities.iter().cloned() {
            self.seed_identity(identity)?;
        }
        for organization in seeds.organizations.iter().cloned() {
            self.seed_organization(organization, now)?;
        }
        Ok(())
    }

    pub(crate) fn seed_credential(&mut self, credential: Credential) -> Result<(), SeedError> {
        check_account(&credential.account)?;
        self.callers.put(credential);
        Ok(())
    }

    pub(crate) fn seed_zone(&mut self, zone: SeedZone) -> Result<(), SeedError> {
        check_account(&zone.account)?;
        let name = zone.name.trim_end_matches('.').to_ascii_lowercase();
        self.zones.insert((zone.account, zone.id), name);
        Ok(())
    }

    pub(crate) fn seed_identity(&mut self, seed: SeedIdentity) -> Result<(), SeedError> {
        let SeedIdentity {
            name,
            account,
            region,
        } = seed;
        check_account(&account)?;
        self.registry.add_identity(Place { account, region }, &name);
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
        self.directories.add(Directory {
            id: id.clone(),
            place: Place {
                account: seed.account,
                region: seed.region,
            },
            alias: seed.alias,
            kind: seed.kind,
            user: None,
            standing: Standing::Kept,
            in_use: seed.in_use,
            unavailable: seed.unavailable,
            other_applications: seed.other_applications,
        });
        self.directories.get(&id).ok_or(SeedError::Unknown(id))
    }

    pub(crate) fn seed_organization(
        &mut self,
        mut seed: SeedOrganization,
        now: Timestamp,
    ) -> Result<&Organization, SeedError> {
        check_account(&seed.account)?;
        if seed.alias.is_empty() {
            return Err(SeedError::Form(seed.alias, "alias"));
        }
        Shown {
            alias: Some(&seed.alias),
            state: Some(&seed.state),
            error_message: seed.error_message.as_deref(),
            default_mail_domain: seed.default_mail_domain.as_deref(),
            domains: &seed.domains,
            tags: &seed.tags,
        }
        .check()?;
        let id = match &seed.id {
            Some(text) => OrganizationId::parse(text)
                .ok_or_else(|| SeedError::Form(text.clone(), "organization id"))?,
            None => OrganizationId::random(),
        };
        if self.organizations.contains_key(&id) {
            return Err(SeedError::Exists(id.to_string()));
        }
        let place = Place {
            account: seed.account,
            region: seed.region,
        };
        let own_directory = seed.directory_id.is_none();
        let directory_id = match seed.directory_id {
            Some(directory) if self.directories.at(&directory, &place).is_none() => {
                return Err(SeedError::Unknown(directory));
            }
            Some(directory) => directory,
            None => {
                let own = Directory::own(place.clone(), seed.alias.clone(), id);
                let directory = own.id.clone();
                self.directories.add(own);
                directory
            }
        };
        let created_at = before(now, seed.age.0);
        let on_the_way = [words::REQUESTED, words::CREATING, words::FAILED];
        let domains = Domains::of(&seed.alias, &self.knobs, created_at);
        let default = seed
            .default_mail_domain
            .unwrap_or_else(|| domains.default_name().to_owned());
        let users = seed
            .users
            .into_iter()
            .map(|user| User::seeded(user, &default, now));
        let organization = Organization {
            id,
            place,
            serial: self.next_serial(),
            completed_date: (!on_the_way.contains(&seed.state.as_str())).then_some(created_at),
            error_message: seed.error_message,
            directory_id,
            own_directory,
            users: users.collect(),
            created_at,
            deleted_at: (seed.state == words::DELETED).then_some(now),
            seeded: true,
            alias: seed.alias,
            migration_admin: seed.migration_admin,
            interoperability_enabled: seed.interoperability_enabled,
            kms_key_arn: None,
            client_token: None,
            domains,
            tags: seed.tags,
            deletion: None,
            plan: VecDeque::new(),
            state: seed.state,
        };
        let (directory, deleted) = (organization.directory_id.clone(), organization.is_deleted());
        self.add(organization);
        for SeedDomain {
            ownership, dkim, ..
        } in &mut seed.domains
        {
            let verified = || words::VERIFIED.to_owned();
            ownership.get_or_insert_with(verified);
            dkim.get_or_insert_with(verified);
        }
        for domain in seed.domains {
            self.force_domain(id, domain, created_at);
        }
        self.force_default(id, &default, created_at);
        if deleted {
            self.directories.leave(&directory, false);
        }
        self.organizations
            .get(&id)
            .ok_or_else(|| SeedError::Unknown(id.to_string()))
    }

    pub(crate) fn seed_user(
        &mut self,
        organization: OrganizationId,
        seed: SeedUser,
        now: Timestamp,
    ) -> Result<&User, SeedError> {
        let unknown = || SeedError::Unknown(organization.to_string());
        let organization = self
            .organizations
            .get_mut(&organization)
            .ok_or_else(unknown)?;
        if seed.name.is_empty() {
            return Err(SeedError::Form(seed.name, "user name"));
        }
        if seed
            .id
            .as_ref()
            .is_some_and(|id| organization.users.iter().any(|user| user.id == *id))
        {
            return Err(SeedError::Exists(seed.id.unwrap_or_default()));
        }
        let user = User::seeded(seed, organization.domains.default_name(), now);
        organization.users.push(user);
        organization.users.last().ok_or_else(unknown)
    }

    pub(crate) fn change(
        &mut self,
        id: OrganizationId,
        change: OrganizationChange,
        now: Timestamp,
    ) -> Result<&Organization, SeedError> {
        let unknown = || SeedError::Unknown(id.to_string());
        let organization = self.organizations.get_mut(&id).ok_or_else(unknown)?;
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
        if change.migration_admin.is_some() {
            organization.migration_admin = change.migration_admin;
        }
        if change.state.is_none() && change.error_message.is_some() {
            organization.error_message.clone_from(&change.error_message);
        }
        for domain in change.set_domains {
            self.force_domain(id, domain, now);
        }
        for domain in change.remove_domains {
            self.deregister_domain(id, &domain);
        }
        if let Some(domain) = change.default_mail_domain {
            self.force_default(id, &domain, now);
        }
        if let Some(state) = change.state {
            self.force(id, state, change.error_message, now);
        }
        self.organizations.get(&id).ok_or_else(unknown)
    }

    /// Removes an organization as if it had never been, its own directory and alias with it.
    pub(crate) fn remove(&mut self, id: OrganizationId) -> bool {
        let Some(organization) = self.take_out(id) else {
            return false;
        };
        self.directories.forget(&organization.directory_id);
        true
    }
}

fn check_account(account: &str) -> Result<(), SeedError> {
    if ids::is_account(account) {
        Ok(())
    } else {
        Err(SeedError::Form(account.to_owned(), "account"))
    }
}
