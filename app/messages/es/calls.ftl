# What calls say, and what stands on a faxed page, around the words of a template. Whoever picks up may
# be anybody: nothing about money before a key is pressed for it, and nothing at all to a machine but
# name and phone.
call-answered = Hola. Esta es una llamada automática de { $alias }. Tenemos un mensaje para la persona responsable de una cuenta con nosotros.
call-keys = Para oír el mensaje, marque 1. Para recibir un enlace seguro por mensaje de texto, marque 2. Para no recibir más llamadas como esta, marque 9. Para oír cómo comprobar que esta llamada es auténtica, marque 3. Para hablar con nuestra oficina, marque 0.
call-keys-after = Para recibir un enlace seguro por mensaje de texto, marque 2. Para hablar con nuestra oficina, marque 0. Para no recibir más llamadas como esta, marque 9.
call-machine = Hola. Le llama { $alias }. Por favor, llámenos al { $phone }. Repetimos, nuestro número es { $phone }. Gracias.
call-link-sent = Enviamos a este teléfono un mensaje de texto con el enlace. Gracias. Adiós.
call-no-link = No podemos enviar un mensaje de texto a este teléfono. Por favor, llame a nuestra oficina al { $phone }. Adiós.
call-stopped = No recibirá más llamadas como esta de { $alias } en este teléfono. Adiós.
call-connecting = Un momento, por favor. Le comunicamos con nuestra oficina.
call-code = El código de esta llamada es { $code }. Repetimos, es { $code }. Para estar seguro de que le llamamos nosotros, escríbalo en nuestro sitio web, donde dice Es auténtico este mensaje, o llame al número que le llamó y marque 1.
menu-welcome = Gracias por llamar a { $alias }. Para saber si un mensaje es realmente nuestro, marque 1. Para hablar con nuestra oficina, marque 0. For English, press 2.
menu-ask-code = Por favor, marque los ocho signos del código del mensaje. Para una letra, marque la tecla en la que está.
menu-ours = Sí. { $alias } envió un mensaje con este código el { $day }.
menu-not-ours = No enviamos ningún mensaje con este código en los últimos cuatro meses. Por favor, no escriba nada en la página a la que le lleve.
menu-another = Para comprobar otro código, marque 1. Para hablar con nuestra oficina, marque 0.
call-us = Por favor, llame a nuestra oficina al { $phone }. Adiós.
call-goodbye = Adiós.
paper-heading = Un mensaje sobre su cuenta
paper-check = ¿Es auténtica esta página? Abra { $address } y escriba { $code }.
paper-stop = ¿No quiere recibir páginas como esta? Llame al { $phone }.
paper-wrong = Esta página es solo para la persona nombrada arriba. Si le llegó por error, llame al { $phone } y destrúyala.
