# Images of the members, one target each: docker build --target subscriber --tag casino-events/subscriber .
# docs/images.md explains how to run them. Use the exec form only, because the images have no shell.

# A release adds @sha256:… to the tag (docs/images.md, "Pinned by digest"). Later releases of Deno crash
# (ARCHITECTURE.md, "Traps").
FROM docker.io/denoland/deno:distroless-2.9.3 AS base
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
WORKDIR /app

# Every member resolves imports with the workspace's configuration and the project's lock file. Its image has only the
# packages that its programs import ("npm-lazy-caching" in deno.json).
FROM base AS workspace
COPY deno.json deno.lock LICENSE ./
COPY publisher/deno.json publisher/
COPY subscriber/deno.json subscriber/
COPY subscriber/dashboard/deno.json subscriber/dashboard/
COPY rates-api/deno.json rates-api/
COPY shared/deno.json shared/

# ── publisher: publishes casino events

FROM workspace AS publisher-build
COPY shared shared
COPY publisher publisher
COPY samples samples
RUN ["/bin/deno", "cache", "--frozen", "publisher/main.ts"]

FROM base AS publisher
LABEL org.opencontainers.image.title="casino-events/publisher" \
  org.opencontainers.image.description="publishes casino events" \
  org.opencontainers.image.version="0.3.0" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/denoland/deno:distroless-2.9.3"
COPY --from=publisher-build /deno-dir/npm /deno-dir/npm
COPY --from=publisher-build /deno-dir/gen /deno-dir/gen
COPY --from=publisher-build /app /app
USER 65532:65532
STOPSIGNAL SIGTERM
# No health check, because it serves nothing. Watch its exit status.
HEALTHCHECK NONE
ENTRYPOINT ["/bin/deno", "run", "--quiet", "--frozen", "--cached-only", "--no-prompt", \
  "-P=publisher", "--allow-read=/run/secrets,/app/samples"]
CMD ["--allow-net=rabbitmq:5672", "publisher/main.ts"]

# ── subscriber: enriches, stores and reports casino events

FROM workspace AS subscriber-build
COPY shared shared
COPY subscriber subscriber
COPY tools/health/http.ts tools/health/
RUN ["/bin/deno", "cache", "--frozen", "subscriber/main.ts", "tools/health/http.ts"]

FROM base AS subscriber
LABEL org.opencontainers.image.title="casino-events/subscriber" \
  org.opencontainers.image.description="enriches, stores and reports casino events" \
  org.opencontainers.image.version="0.3.0" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/denoland/deno:distroless-2.9.3"
COPY --from=subscriber-build /deno-dir/npm /deno-dir/npm
COPY --from=subscriber-build /deno-dir/gen /deno-dir/gen
COPY --from=subscriber-build /app /app
USER 65532:65532
STOPSIGNAL SIGTERM
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/bin/deno", "run", "--cached-only", "--no-prompt", "--allow-net=127.0.0.1:8081", "tools/health/http.ts", "http://127.0.0.1:8081/health/live"]
ENTRYPOINT ["/bin/deno", "run", "--quiet", "--frozen", "--cached-only", "--no-prompt", "--v8-flags=--max-semi-space-size=8,--heap-growing-percent=70,--stack-size=7000", \
  "-P=subscriber", "--allow-read=/run/secrets"]
CMD ["--allow-net=[::]:8080,[::]:8081,rabbitmq:5672,redis:6379,postgres:5432,rates-api:50051", "subscriber/main.ts", "--http", "[::]:8080", "--health", "[::]:8081"]

# ── rates-api: a mock of a rates API

FROM workspace AS rates-api-build
COPY shared shared
COPY rates-api rates-api
COPY tools/health/grpc.ts tools/health/
RUN ["/bin/deno", "cache", "--frozen", "rates-api/main.ts", "tools/health/grpc.ts"]

FROM base AS rates-api
LABEL org.opencontainers.image.title="casino-events/rates-api" \
  org.opencontainers.image.description="a mock of a rates API" \
  org.opencontainers.image.version="0.3.0" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/denoland/deno:distroless-2.9.3"
COPY --from=rates-api-build /deno-dir/npm /deno-dir/npm
COPY --from=rates-api-build /deno-dir/gen /deno-dir/gen
COPY --from=rates-api-build /app /app
USER 65532:65532
STOPSIGNAL SIGTERM
ENV RATES_API_ADDRESS=[::]:50051
EXPOSE 50051
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/bin/deno", "run", "--cached-only", "--no-prompt", "--allow-net=127.0.0.1:50051", "--allow-env=RATES_API_TLS,TLS_CA_FILE,TLS_CERT_FILE,TLS_KEY_FILE", "--allow-read=/run/secrets", "tools/health/grpc.ts", "127.0.0.1:50051"]
ENTRYPOINT ["/bin/deno", "run", "--quiet", "--frozen", "--cached-only", "--no-prompt", \
  "-P=rates-api", "--allow-read=/run/secrets"]
CMD ["--allow-net=[::]:50051", "rates-api/main.ts"]

# ── tools: migrate, provision, roles, dead letters, erase, find and status of casino events

FROM workspace AS tools-build
COPY shared shared
COPY subscriber subscriber
COPY tools/dead tools/dead
COPY tools/erase tools/erase
COPY tools/find tools/find
COPY tools/migrate tools/migrate
COPY tools/provision tools/provision
COPY tools/retention tools/retention
COPY tools/roles tools/roles
COPY tools/status tools/status
COPY migrations migrations
RUN ["/bin/deno", "cache", "--frozen", "tools/dead/main.ts", "tools/erase/main.ts", "tools/find/main.ts", "tools/migrate/main.ts", "tools/provision/main.ts", "tools/retention/main.ts", "tools/roles/main.ts", "tools/status/main.ts"]

FROM base AS tools
LABEL org.opencontainers.image.title="casino-events/tools" \
  org.opencontainers.image.description="migrate, provision, roles, dead letters and status of casino events" \
  org.opencontainers.image.version="0.3.0" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.base.name="docker.io/denoland/deno:distroless-2.9.3"
COPY --from=tools-build /deno-dir/npm /deno-dir/npm
COPY --from=tools-build /deno-dir/gen /deno-dir/gen
COPY --from=tools-build /app /app
USER 65532:65532
STOPSIGNAL SIGTERM
# No health check: commands end with an exit status.
HEALTHCHECK NONE
ENTRYPOINT ["/bin/deno", "run", "--quiet", "--frozen", "--cached-only", "--no-prompt", "--v8-flags=--stack-size=7000", \
  "-P=tools", "--allow-read=/run/secrets,/app/migrations"]
CMD ["--allow-net=rabbitmq:5672,redis:6379,postgres:5432", "tools/status/main.ts"]
