//! `POST /staff/settings/numbers`: buys a number on the practice's account, points its replies here
//! and chooses it for texts (S-NU1, S-NU2).

use actix_web::{HttpRequest, web};
use app::components::{Errors, Query};
use connect::channel::{ChannelError, twilio::NewNumber};
use domain::{phone::E164, staff::Permission};

use super::choose_language::see_other;
use crate::{
    actions::save_settings,
    failure::{Answer, Failure},
    form::Posted,
    house::House,
    pages::staff::settings,
    session::Staff,
    vendors::{self, Unfit},
    workspace::{self, base_of, refused},
};

pub async fn post(
    request: HttpRequest,
    house: web::Data<House>,
    staff: Staff,
    posted: Posted,
) -> Answer {
    staff.require(&house, Permission::ManageSettings).await?;
    let number = E164::from_normalised(posted.text("number"));
    let number = number.ok_or(Failure::Malformed("Choose a number from the list."))?;
    let base = base_of(&house, &staff.practice, &request);
    if let Err(unfit) = buy(&house, &staff, &number, &base).await? {
        let errors = Errors::new().overall(unfit.words);
        let page = settings::numbers_model(&house, &staff, &Query::default(), errors).await?;
        return Ok(refused(page.html(&workspace::shell(&house, &staff, settings::SECTION))));
    }
    let mut changed = staff.practice.clone();
    changed.settings.text_number = Some(number.as_str().to_owned());
    // The campaign belongs to the number before.
    changed.settings.text_campaign_registered = false;
    if !save_settings::save(&house, &staff, changed.version, &changed).await? {
        return Err(Failure::Malformed(
            "The number was bought, but somebody else changed the settings meanwhile. Choose it \
             under SMS Settings.",
        ));
    }
    staff.visit.say("The number was bought and is used for texts.");
    Ok(see_other("/staff/settings/texting"))
}

async fn buy(
    house: &House,
    staff: &Staff,
    number: &E164,
    base: &str,
) -> Result<Result<(), Unfit>, Failure> {
    let account = {
        let mut db = house.store.read().await?;
        store::sender::load_texts(&mut db, &staff.practice.id).await?
    };
    let account = account.ok_or(Failure::Malformed("Connect the Twilio account first."))?;
    let twilio = match vendors::twilio(house, &account) {
        Ok(twilio) => twilio,
        Err(unfit) => return Ok(Err(unfit)),
    };
    // Each purchase costs: a number that is ours already is not bought again.
    if matches!(twilio.find_number(number.as_str()).await, Ok(Some(_))) {
        return Ok(Ok(()));
    }
    let wish = NewNumber {
        e164: number.as_str().to_owned(),
        sms_url: format!("{base}/webhooks/twilio/{}/sms", staff.practice.slug),
        friendly_name: Some(staff.practice.slug.clone()),
    };
    let outcome = match twilio.buy_number(&wish).await {
        Err(ChannelError::Unknown { .. }) => match twilio.find_number(number.as_str()).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(ChannelError::Unknown { cause: "the purchase" }),
            Err(cause) => Err(cause),
        },
        bought => bought.map(|_| ()),
    };
    Ok(outcome.map_err(|cause| vendors::texts_fault(&cause)))
}
