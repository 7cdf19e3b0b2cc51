# What calls say, and what stands on a faxed page, around the words of a template. Whoever picks up may
# be anybody: nothing about money before a key is pressed for it, and nothing at all to a machine but
# name and phone.
call-answered = Hello. This is an automated call from { $alias }. We have a message for the person who is responsible for an account with us.
call-keys = To hear the message, press 1. To get a secure link by text message, press 2. To stop calls like this one, press 9. To hear how you can tell that this call is real, press 3. To speak with our office, press 0.
call-keys-after = To get a secure link by text message, press 2. To speak with our office, press 0. To stop calls like this one, press 9.
call-machine = Hello. This is { $alias }. Please call us back at { $phone }. Once more, our number is { $phone }. Thank you.
call-link-sent = We have sent a text message with the link to this phone. Thank you. Goodbye.
call-no-link = We cannot send a text message to this phone. Please call our office at { $phone }. Goodbye.
call-stopped = You will get no more calls like this one from { $alias } on this phone. Goodbye.
call-connecting = One moment, please. We are connecting you with our office.
call-code = The code of this call is { $code }. Once more, it is { $code }. To be sure that we called, type it on our website under Is this message real, or call us back at the number that called you and press 1.
menu-welcome = Thank you for calling { $alias }. To find out whether a message is really from us, press 1. To speak with our office, press 0. Para español, marque 2.
menu-ask-code = Please type the eight signs of the code in the message. For a letter, press the key that it stands on.
menu-ours = Yes. { $alias } sent a message with this code on { $day }.
menu-not-ours = We did not send a message with this code in the last four months. Please do not enter anything where it leads you.
menu-another = To check another code, press 1. To speak with our office, press 0.
call-us = Please call our office at { $phone }. Goodbye.
call-goodbye = Goodbye.
paper-heading = A message about your account
paper-check = Is this page real? Open { $address } and type { $code }.
paper-stop = You do not want to get pages like this one? Call { $phone }.
paper-wrong = This page is only for the person named above. If it came to you by mistake, please call { $phone } and destroy it.
