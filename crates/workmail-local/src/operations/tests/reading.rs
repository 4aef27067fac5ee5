use super::*;
use crate::{
    knobs::{ConstraintError, ConstraintText, ListOrder, TwoFilters},
    seeds::{OrganizationChange, SeedUser, UserRole, UserState},
};
use Operation::{CreateOrganization, DescribeOrganization, ListOrganizations, ListUsers};

fn aliases(page: &Value) -> Vec<&str> {
    let summaries = page["OrganizationSummaries"].as_array().unwrap();
    summaries
        .iter()
        .map(|summary| summary["Alias"].as_str().unwrap())
        .collect()
}

#[test]
fn a_list_shows_one_account_in_one_region() {
    let mut bench = Bench::immediate();
    bench.create("here");
    bench.caller = caller(ACCOUNT, "eu-west-1");
    bench.create("there");
    bench.caller = caller("210987654321", "us-east-1");
    assert_eq!(
        bench.ok(ListOrganizations, json!({})),
        json!({"OrganizationSummaries": []})
    );
    bench.caller = caller(ACCOUNT, "us-east-1");
    assert_eq!(aliases(&bench.ok(ListOrganizations, json!({}))), ["here"]);
}

#[test]
fn pages_go_on_where_the_last_one_ended_in_every_order() {
    for order in [ListOrder::Creation, ListOrder::Name, ListOrder::Id] {
        let mut bench = Bench::immediate();
        bench.world.knobs.list_order = order;
        for alias in ["c", "a", "e", "b", "d"] {
            bench.create(alias);
        }
        let mut seen = Vec::new();
        let mut input = json!({"MaxResults": 2});
        loop {
            let page = bench.ok(ListOrganizations, input);
            seen.extend(aliases(&page).into_iter().map(str::to_owned));
            // The order is that of the token, whatever the knob says meanwhile.
            bench.world.knobs.list_order = ListOrder::Creation;
            match page.get("NextToken") {
                Some(token) => input = json!({"MaxResults": 2, "NextToken": token}),
                None => break,
            }
        }
        match order {
            ListOrder::Creation => assert_eq!(seen, ["c", "a", "e", "b", "d"]),
            ListOrder::Name => assert_eq!(seen, ["a", "b", "c", "d", "e"]),
            ListOrder::Id => {
                seen.sort();
                assert_eq!(seen, ["a", "b", "c", "d", "e"]);
            }
        }
    }
}

#[test]
fn a_page_that_is_just_full_has_no_token() {
    let mut bench = Bench::immediate();
    bench.world.knobs.organization_quota = None;
    for n in 0..100 {
        bench.create(&format!("a{n}"));
    }
    assert!(
        bench
            .ok(ListOrganizations, json!({}))
            .get("NextToken")
            .is_none()
    );
    bench.create("last");
    let page = bench.ok(ListOrganizations, json!({}));
    assert_eq!(aliases(&page).len(), 100);
    let rest = bench.ok(ListOrganizations, json!({"NextToken": page["NextToken"]}));
    assert_eq!(aliases(&rest), ["last"]);
}

#[test]
fn a_token_of_another_list_or_another_time_is_refused() {
    let mut bench = Bench::immediate();
    let id = bench.create("a");
    bench.create("b");
    let token = bench.ok(ListOrganizations, json!({"MaxResults": 1}))["NextToken"].clone();
    let users = json!({"OrganizationId": id, "NextToken": token});
    assert_eq!(bench.refused(ListUsers, users), "InvalidParameterException");
    for bad in ["x", "AAAA"] {
        assert_eq!(
            bench.refused(ListOrganizations, json!({"NextToken": bad})),
            "InvalidParameterException"
        );
    }
    bench.world.knobs.page_token_lifetime = Duration::from_mins(5).into();
    bench.advance(300);
    bench.world.knobs.bad_page_token_code = "ValidationException".to_owned();
    assert_eq!(
        bench.refused(ListOrganizations, json!({"NextToken": token})),
        "ValidationException"
    );
    bench.caller = caller(ACCOUNT, "eu-west-1");
    bench.world.knobs.page_token_lifetime = crate::span::Lifetime::Forever;
    assert_eq!(
        bench.refused(ListOrganizations, json!({"NextToken": token})),
        "ValidationException"
    );
}

#[test]
fn a_fresh_organization_may_be_missing_from_the_list_for_a_moment() {
    let mut bench = Bench::immediate();
    bench.world.knobs.list_missing_for = Duration::from_secs(5).into();
    let id = bench.create("acme");
    assert!(aliases(&bench.ok(ListOrganizations, json!({}))).is_empty());
    assert_eq!(bench.state(&id), "Active");
    bench.advance(5);
    assert_eq!(aliases(&bench.ok(ListOrganizations, json!({}))), ["acme"]);
}

#[test]
fn a_change_from_outside_shows_at_once_and_stays() {
    let mut bench = Bench::new(Knobs {
        creating_for: seconds(60),
        ..Knobs::immediate()
    });
    let id = bench.create("acme");
    let change = OrganizationChange {
        migration_admin: Some("migration-admin".to_owned()),
        default_mail_domain: Some("acme.example".to_owned()),
        ..OrganizationChange::state("Frozen").error_message("By hand.")
    };
    let organization = OrganizationId::parse(&id).unwrap();
    bench
        .world
        .change(organization, change, bench.clock.now())
        .unwrap();
    bench.advance(1000);
    let described = bench.describe(&id);
    assert_eq!(described["State"], "Frozen");
    assert_eq!(described["ErrorMessage"], "By hand.");
    assert_eq!(described["MigrationAdmin"], "migration-admin");
    assert_eq!(described["DefaultMailDomain"], "acme.example");
    let active = OrganizationChange::state("Active");
    bench
        .world
        .change(organization, active, bench.clock.now())
        .unwrap();
    assert!(bench.describe(&id).get("ErrorMessage").is_none());
    assert!(bench.world.remove(organization));
    assert_eq!(
        bench.refused(DescribeOrganization, json!({"OrganizationId": id})),
        "OrganizationNotFoundException"
    );
    bench.create("acme");
}

#[test]
fn a_bound_that_is_broken_is_told_in_the_code_and_text_of_the_knobs() {
    let mut bench = Bench::immediate();
    let error = bench
        .run(CreateOrganization, json!({"Alias": "d-x"}))
        .unwrap_err();
    assert_eq!(error.code, "InvalidParameterException");
    assert!(
        error
            .message
            .unwrap()
            .starts_with("1 validation error detected: Value 'd-x' at 'alias'")
    );
    bench.world.knobs.constraint_error = ConstraintError::ValidationException;
    bench.world.knobs.constraint_text = ConstraintText::Terse;
    let input = json!({"DirectoryId": "d-x"});
    let error = bench.run(CreateOrganization, input).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ValidationException: Invalid parameter: alias, directoryId"
    );
}

fn populated() -> (Bench, String) {
    let mut bench = Bench::immediate();
    let disabled = SeedUser {
        state: UserState::Disabled,
        ..SeedUser::new("bob")
    };
    let named = SeedUser {
        display_name: Some("Ada L.".to_owned()),
        ..SeedUser::new("ada")
    };
    let id = bench.seed(SeedOrganization {
        users: vec![named, disabled],
        ..SeedOrganization::new("acme")
    });
    (bench, id)
}

fn names(page: &Value) -> Vec<&str> {
    page["Users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["Name"].as_str().unwrap())
        .collect()
}

#[test]
fn users_are_listed_with_the_built_in_one() {
    let (mut bench, id) = populated();
    let input = json!({"OrganizationId": id});
    let page = bench.ok(ListUsers, input.clone());
    assert_eq!(names(&page), ["Guest", "ada", "bob"]);
    assert_eq!(page["Users"][0]["UserRole"], json!(UserRole::SystemUser));
    assert_eq!(page["Users"][0]["State"], "DISABLED");
    assert_eq!(page["Users"][1]["Email"], "ada@acme.awsapps.com");
    assert_eq!(page["Users"][1]["EnabledDate"], 1_700_000_000.0);
    assert!(page["Users"][2].get("Email").is_none());
    assert_eq!(bench.ok(ListUsers, input.clone()), page);
    bench.world.knobs.system_users = false;
    assert_eq!(names(&bench.ok(ListUsers, input)), ["ada", "bob"]);
}

#[test]
fn users_come_in_pages() {
    let (mut bench, id) = populated();
    bench.world.knobs.list_order = ListOrder::Name;
    let first = bench.ok(ListUsers, json!({"OrganizationId": id, "MaxResults": 2}));
    assert_eq!(names(&first), ["ada", "bob"]);
    let rest = json!({"OrganizationId": id, "NextToken": first["NextToken"]});
    let second = bench.ok(ListUsers, rest);
    assert_eq!(
        (names(&second), second.get("NextToken")),
        (vec!["Guest"], None)
    );
}

#[test]
fn filters_are_prefixes_and_two_are_combined_or_refused() {
    let (mut bench, id) = populated();
    for (filter, found) in [
        (json!({"State": "ENABLED"}), vec!["ada"]),
        (json!({"UsernamePrefix": "BO"}), vec!["bob"]),
        (json!({"DisplayNamePrefix": "Ada"}), vec!["ada"]),
        (
            json!({"PrimaryEmailPrefix": "ada@acme.awsapps.com"}),
            vec!["ada"],
        ),
        (json!({"PrimaryEmailPrefix": "ada@other"}), vec![]),
        (json!({"IdentityProviderUserIdPrefix": "0"}), vec![]),
        (json!({}), vec!["Guest", "ada", "bob"]),
        (
            json!({"State": "DISABLED", "UsernamePrefix": "b"}),
            vec!["bob"],
        ),
    ] {
        let page = bench.ok(ListUsers, json!({"OrganizationId": id, "Filters": filter}));
        assert_eq!(names(&page), found, "{filter}");
    }
    bench.world.knobs.two_filters = TwoFilters::Refuse;
    let two = json!({"State": "DISABLED", "UsernamePrefix": "b"});
    assert_eq!(
        bench.refused(ListUsers, json!({"OrganizationId": id, "Filters": two})),
        "InvalidParameterException"
    );
}

#[test]
fn users_are_shown_in_usable_states_only() {
    let (mut bench, id) = populated();
    let input = json!({"OrganizationId": id});
    let organization = OrganizationId::parse(&id).unwrap();
    bench
        .world
        .force(organization, "Impaired".to_owned(), None, bench.clock.now());
    assert_eq!(
        bench.refused(ListUsers, input.clone()),
        "OrganizationStateException"
    );
    bench.world.knobs.usable_states.push("Impaired".to_owned());
    assert_eq!(names(&bench.ok(ListUsers, input)).len(), 3);
    let nobody = json!({"OrganizationId": format!("m-{}", "0".repeat(32))});
    assert_eq!(
        bench.refused(ListUsers, nobody),
        "OrganizationNotFoundException"
    );
}
