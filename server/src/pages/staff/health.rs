//! `GET /staff/health`: what runs, what does not, and what to do.

use actix_web::web;
use app::pages::staff::{Colour, Health};
use domain::staff::Permission;

use crate::{
    failure::Answer,
    health,
    house::House,
    session::Staff,
    workspace::{self, shown},
};

pub async fn get(house: web::Data<House>, staff: Staff) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let mut checks = health::of_server(&house).await?;
    checks.extend(health::of_practice(&house, &staff.practice).await?);
    checks.sort_by_key(|check| match check.colour {
        Colour::Red => 0,
        Colour::Amber => 1,
        Colour::Green => 2,
    });
    let (chained_rows, chain_head) = {
        let mut db = house.store.read().await?;
        store::audit::load_head(&mut db).await?
    };
    let page = Health {
        zone: staff.practice.zone(),
        at: house.world.now(),
        checks,
        chained_rows,
        chain_head,
    };
    Ok(shown(page.html(&workspace::shell(&house, &staff, "/staff/health"))))
}
