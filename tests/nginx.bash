# shellcheck shell=bash
#
# Debian's nginx, where several suites start it.

# nginx_conf: in the file nginx.conf, two workers that answer "hello" at PORT; all that it writes is
# in the test's directory
nginx_conf() {
    cat >nginx.conf <<END
pid $PWD/nginx.pid;
worker_processes 2;
error_log stderr;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp;
    uwsgi_temp_path tmp; scgi_temp_path tmp;
    server { listen 127.0.0.1:$PORT; location / { return 200 "hello\n"; } }
}
END
}
