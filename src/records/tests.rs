//! What follows from the declared columns of each table: an inserted record is read back equal, an update changes it,
//! and the statements name every column of the table.

use super::*;
use crate::store::{Snapshot, Store, StoreError, Transaction};

/// Runs `test` in a transaction on a new database.
fn with_database(test: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>) {
    let folder = tempfile::tempdir().expect("a temporary folder is created");
    Store::create(&folder.path().join("test.db"), test).expect("the test succeeds");
}

fn organization<'a>() -> OrganizationRecord<'a> {
    OrganizationRecord {
        id: 0,
        guid: "organization",
        name: "Acme",
        folded_name: "acme",
        suspended: true,
        created_at: 10,
        labels: r#"{"env":"prod","tier":""}"#,
        annotations: r#"{"note":"x"}"#,
    }
}

fn space<'a>(organization_id: i64) -> SpaceRecord<'a> {
    SpaceRecord {
        id: 0,
        guid: "space",
        name: "Dev",
        folded_name: "dev",
        organization_id,
        created_at: 20,
        labels: r#"{"env":"test"}"#,
        annotations: r#"{"note":"x"}"#,
        organization_guid: "organization",
    }
}

fn app<'a>(space_id: i64) -> AppRecord<'a> {
    AppRecord {
        id: 0,
        guid: "app",
        name: "Shop",
        folded_name: "shop",
        space_id,
        lifecycle: "docker",
        created_at: 30,
        labels: r#"{"a":"b"}"#,
        annotations: r#"{"note":"x"}"#,
        space_guid: "space",
    }
}

fn package<'a>(app_id: i64, space_id: i64) -> PackageRecord<'a> {
    PackageRecord {
        id: 0,
        guid: "package",
        app_id,
        app_guid: "app",
        space_id,
        r#type: package::DOCKER,
        state: "FAILED",
        error: Some("broken"),
        sha1: None,
        sha256: None,
        image: Some("registry/image"),
        store_image: Some(true),
        docker_user: Some("user"),
        docker_password: Some(DockerPassword::new("secret")),
        docker_email: Some("user@example.com"),
        docker_login_server: Some("login.example.com"),
        labels: r#"{"env":"prod","a":""}"#,
        annotations: r#"{"note":"x"}"#,
        created_at: 40,
        updated_at: Some(50),
        blob_id: None,
    }
}

fn blob<'a>() -> BlobRecord<'a> {
    BlobRecord {
        id: 0,
        sha1: "1",
        sha256: "2",
        size: 0,
        due: None,
    }
}

/// Inserts an organization, a space and an app. Returns the ids of the app and the space.
fn insert_parents(transaction: &Transaction<'_>) -> Result<(i64, i64), StoreError> {
    let organization_id = Organization::insert(transaction, &organization())?;
    let space_id = Space::insert(transaction, &space(organization_id))?;
    let app_id = App::insert(transaction, &app(space_id))?;
    Ok((app_id, space_id))
}

/// Passes the only record of a table to `test`.
fn with_only_record<T: Table>(snapshot: &Snapshot<'_>, test: impl Fn(T::Record<'_>)) {
    let mut records = 0;
    T::for_each(snapshot, |record| {
        test(record);
        records += 1;
        Ok::<_, StoreError>(())
    })
    .expect("the table is read");
    assert_eq!(records, 1);
}

fn labels(snapshot: &Snapshot<'_>) -> Vec<String> {
    let mut labels = Vec::new();
    let sql = "select key || '=' || value from package_labels order by key";
    snapshot
        .rows(sql, &[], |row| {
            labels.push(row.text(0)?.to_owned());
            Ok::<_, StoreError>(())
        })
        .expect("the labels are read");
    labels
}

#[test]
fn inserted_records_are_read_back_equal() {
    with_database(|transaction| {
        let organization_id = Organization::insert(transaction, &organization())?;
        let space_id = Space::insert(transaction, &space(organization_id))?;
        let app_id = App::insert(transaction, &app(space_id))?;
        let package_id = Package::insert(transaction, &package(app_id, space_id))?;
        with_only_record::<Organization>(transaction, |stored| {
            let id = organization_id;
            assert_eq!(
                stored,
                OrganizationRecord {
                    id,
                    ..organization()
                }
            );
        });
        with_only_record::<Space>(transaction, |stored| {
            let id = space_id;
            assert_eq!(
                stored,
                SpaceRecord {
                    id,
                    ..space(organization_id)
                }
            );
        });
        with_only_record::<App>(transaction, |stored| {
            let id = app_id;
            assert_eq!(
                stored,
                AppRecord {
                    id,
                    ..app(space_id)
                }
            );
        });
        with_only_record::<Package>(transaction, |stored| {
            let id = package_id;
            assert_eq!(
                stored,
                PackageRecord {
                    id,
                    ..package(app_id, space_id)
                }
            );
        });
        Ok(())
    });
}

#[test]
fn update_changes_every_column_but_the_guid() {
    with_database(|transaction| {
        let (app_id, space_id) = insert_parents(transaction)?;
        let blob_id = Some(Blob::insert(transaction, &blob())?);
        let id = Package::insert(transaction, &package(app_id, space_id))?;
        let changed = PackageRecord {
            id,
            guid: "package",
            app_id,
            app_guid: "app",
            space_id,
            r#type: package::BITS,
            state: "READY",
            error: None,
            sha1: Some("1111111111111111111111111111111111111111"),
            sha256: Some("2222222222222222222222222222222222222222222222222222222222222222"),
            image: None,
            store_image: None,
            docker_user: None,
            docker_password: None,
            docker_email: None,
            docker_login_server: None,
            labels: r#"{"env":"dev"}"#,
            annotations: "{}",
            created_at: 60,
            updated_at: None,
            blob_id,
        };
        let renamed = PackageRecord {
            guid: "other",
            ..changed
        };
        Package::update(transaction, id, &renamed)?;
        with_only_record::<Package>(transaction, |stored| assert_eq!(stored, changed));
        Ok(())
    });
}

#[test]
fn label_index_follows_the_labels() {
    with_database(|transaction| {
        let (app_id, space_id) = insert_parents(transaction)?;
        let package = package(app_id, space_id);
        let id = Package::insert(transaction, &package)?;
        assert_eq!(labels(transaction), ["a=", "env=prod"]);
        let labels_only = PackageRecord {
            labels: r#"{"env":"dev"}"#,
            ..package
        };
        Package::update(transaction, id, &labels_only)?;
        assert_eq!(labels(transaction), ["env=dev"]);
        Package::delete_all(transaction)?;
        assert!(labels(transaction).is_empty());
        Ok(())
    });
}

#[test]
fn blob_is_deleted_with_the_last_package_that_refers_to_it() {
    let blobs = |transaction: &Transaction<'_>| {
        let sql = "select count(*) + (select count(*) from blob_pieces) from blobs";
        transaction.int(sql, &[]).expect("a number")
    };
    with_database(|transaction| {
        let (app_id, space_id) = insert_parents(transaction)?;
        let blob_id = Blob::insert(transaction, &blob())?;
        let sql = "insert into blob_pieces (blob_id, number, content) values ($1, 0, x'00')";
        transaction.execute(sql, &[blob_id.into()])?;
        let bits = PackageRecord {
            app_id,
            app_guid: "app",
            space_id,
            r#type: package::BITS,
            state: package::READY,
            labels: Metadata::EMPTY,
            annotations: Metadata::EMPTY,
            blob_id: Some(blob_id),
            ..PackageRecord::default()
        };
        let mut ids = Vec::new();
        for guid in ["updated", "deleted", "last"] {
            ids.push(Package::insert(
                transaction,
                &PackageRecord { guid, ..bits },
            )?);
        }
        let without_blob = PackageRecord {
            blob_id: None,
            ..bits
        };
        Package::update(transaction, ids[0], &without_blob)?;
        transaction.execute("delete from packages where guid = 'deleted'", &[])?;
        assert_eq!(blobs(transaction), Some(2));
        transaction.execute("delete from packages where guid = 'last'", &[])?;
        assert_eq!(blobs(transaction), Some(0));
        Ok(())
    });
}

#[test]
fn records_are_compared_by_the_columns_of_their_own_table() {
    let package = package(1, 2);
    let other_id = PackageRecord { id: 77, ..package };
    assert!(Package::is_equal(&package, &other_id));
    let other_password = Some(DockerPassword::new("Secret"));
    for changed in [
        PackageRecord {
            guid: "other",
            ..package
        },
        PackageRecord {
            state: "READY",
            ..package
        },
        PackageRecord {
            error: None,
            ..package
        },
        PackageRecord {
            store_image: Some(false),
            ..package
        },
        PackageRecord {
            docker_password: other_password,
            ..package
        },
        PackageRecord {
            created_at: 41,
            ..package
        },
        PackageRecord {
            updated_at: None,
            ..package
        },
    ] {
        assert!(!Package::is_equal(&package, &changed), "{changed:?}");
    }
}

#[test]
fn record_declares_every_column_of_its_table() {
    fn check<T: Table>(snapshot: &Snapshot<'_>) {
        // A column that the record does not declare would be lost by `export`.
        let mut stored = Vec::new();
        snapshot
            .rows(
                "select name from pragma_table_info($1) order by name",
                &[T::TABLE.into()],
                |row| {
                    stored.push(row.text(0)?.to_owned());
                    Ok::<_, StoreError>(())
                },
            )
            .expect("the columns are read");
        let insert = &T::statements().insert;
        let names = insert.split(['(', ')']).nth(1).expect("a list of columns");
        let mut declared: Vec<&str> = names.split(", ").chain(["id"]).collect();
        declared.sort_unstable();
        assert_eq!(stored, declared, "{}", T::TABLE);
    }
    with_database(|transaction| {
        check::<Organization>(transaction);
        check::<Space>(transaction);
        check::<App>(transaction);
        check::<User>(transaction);
        check::<Package>(transaction);
        check::<Blob>(transaction);
        check::<Job>(transaction);
        check::<Build>(transaction);
        check::<Droplet>(transaction);
        Ok(())
    });
}

#[test]
fn docker_password_is_never_printed() {
    let package = package(1, 1);
    let printed = format!("{package:?} {:?}", package.content());
    assert!(!printed.contains("secret"), "{printed}");
    assert!(printed.contains("***"), "{printed}");
}

#[test]
fn only_apps_with_buildpacks_have_the_stack() {
    let stacks = App::filter("stacks").expect("a filter");
    assert!(stacks.column.contains(STACK), "{}", stacks.column);
}

#[test]
fn roles_of_a_user_are_exactly_those_given() {
    use user::{RoleScope, RoleSet, for_each_role, set_roles};

    with_database(|transaction| {
        let organization_id = Organization::insert(transaction, &organization())?;
        let space_id = Space::insert(transaction, &space(organization_id))?;
        let user = UserRecord {
            guid: "user",
            ..UserRecord::default()
        };
        let id = User::insert(transaction, &user)?;
        let roles = |names: &[&'static str], parent_id| -> RoleSet<'static> {
            names.iter().map(|name| (parent_id, *name)).collect()
        };
        let in_organization = roles(&["organization_user"], organization_id);
        assert!(set_roles(
            transaction,
            id,
            RoleScope::Organization,
            &in_organization
        )?);
        assert!(!set_roles(
            transaction,
            id,
            RoleScope::Organization,
            &in_organization
        )?);
        let first = roles(&["space_auditor", "space_manager"], space_id);
        assert!(set_roles(transaction, id, RoleScope::Space, &first)?);
        let second = roles(&["space_developer", "space_manager"], space_id);
        assert!(set_roles(transaction, id, RoleScope::Space, &second)?);
        let mut stored = Vec::new();
        for_each_role(transaction, id, |role| {
            stored.push(format!("{} in {}", role.role, role.parent_guid));
        })?;
        assert_eq!(
            stored,
            [
                "organization_user in organization",
                "space_developer in space",
                "space_manager in space",
            ]
        );
        assert_eq!(User::delete_all(transaction)?, 1);
        Ok(())
    });
}
