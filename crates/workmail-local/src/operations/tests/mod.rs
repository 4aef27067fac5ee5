//! Operations on a world whose clock stands still. Every output and every refusal is held against
//! the model.

mod creation;
mod deletion;
mod directories;
mod domain_refusals;
mod domains;
mod reading;
mod records;
mod seeding;
mod tags;
mod tokens;

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::{
    clock::Clock,
    contract::Contract,
    ids::{ACCOUNT, Place},
    knobs::Knobs,
    seeds::{Credential, SeedOrganization},
};

/// Codes that a knob asks for although the operation does not declare them, or that any service
/// of this kind has.
const UNDECLARED: [&str; 4] = [
    "AccessDeniedException",
    "MailDomainNotFoundException",
    "OrganizationStateException",
    "ValidationException",
];

struct Bench {
    world: World,
    clock: Clock,
    caller: Caller,
    fail_creation: Option<String>,
}

impl Bench {
    fn new(knobs: Knobs) -> Self {
        Self {
            world: World::new(knobs),
            clock: Clock::standing(Timestamp::from_second(1_700_000_000).unwrap()),
            caller: caller(ACCOUNT, "us-east-1"),
            fail_creation: None,
        }
    }

    fn immediate() -> Self {
        Self::new(Knobs::immediate())
    }

    fn run(&mut self, operation: Operation, input: Value) -> Result<Done, ApiError> {
        let contract = Contract::model().unwrap();
        let model = contract.operation(operation.name()).unwrap();
        contract.read_types(&input, &model.input).unwrap();
        let broken = contract.broken(&input, &model.input);
        let request = Request {
            operation,
            caller: &self.caller,
            input,
            now: self.clock.now(),
            fail_creation: self.fail_creation.take(),
        };
        let done = run(&mut self.world, model, &broken, request);
        match &done {
            Ok(Done {
                output: Some(output),
                ..
            }) => {
                contract.read_types(output, &model.output).unwrap();
                assert!(
                    contract.broken(output, &model.output).is_empty(),
                    "{output}"
                );
            }
            Ok(Done { output: None, .. }) => {}
            Err(error) => assert!(
                model.errors.contains(&error.code) || UNDECLARED.contains(&&*error.code),
                "{} does not declare {error}",
                operation.name(),
            ),
        }
        done
    }

    fn ok(&mut self, operation: Operation, input: Value) -> Value {
        let done = self.run(operation, input).unwrap();
        done.output.unwrap_or(Value::Null)
    }

    fn refused(&mut self, operation: Operation, input: Value) -> String {
        self.run(operation, input).unwrap_err().code
    }

    /// Creates an organization, and returns its id.
    fn create(&mut self, alias: &str) -> String {
        let output = self.ok(Operation::CreateOrganization, json!({"Alias": alias}));
        output["OrganizationId"].as_str().unwrap().to_owned()
    }

    fn delete(&mut self, id: &str) -> Value {
        let input = json!({"OrganizationId": id, "DeleteDirectory": false});
        self.ok(Operation::DeleteOrganization, input)
    }

    fn describe(&mut self, id: &str) -> Value {
        self.ok(
            Operation::DescribeOrganization,
            json!({"OrganizationId": id}),
        )
    }

    fn state(&mut self, id: &str) -> String {
        self.describe(id)["State"].as_str().unwrap().to_owned()
    }

    fn seed(&mut self, seed: SeedOrganization) -> String {
        self.world
            .seed_organization(seed, self.clock.now())
            .unwrap()
            .id
            .to_string()
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn caller(account: &str, region: &str) -> Caller {
    Caller {
        place: Place {
            account: account.to_owned(),
            region: region.to_owned(),
        },
        credential: Credential::new("AKIA", account),
    }
}

fn seconds(seconds: u64) -> crate::span::Delay {
    Duration::from_secs(seconds).into()
}
