/** The module: makes the cache, provides it, and puts the interceptor around every route of the application. */
import { diskCache } from "@diskcache/express";
import type { PageCacheOptions } from "@diskcache/express";
import { Module } from "@nestjs/common";
import type { DynamicModule, FactoryProvider, ModuleMetadata, OnModuleInit } from "@nestjs/common";
import { APP_INTERCEPTOR, DiscoveryModule, DiscoveryService, HttpAdapterHost, MetadataScanner } from "@nestjs/core";
import type { Request } from "express";
import { DiskCacheInterceptor } from "./interceptor.js";
import { DiskCacheService } from "./service.js";

const OPTIONS = Symbol("diskcache.options");
const CHECK = Symbol("diskcache.check");

/** How `forRootAsync()` gets the options. */
export interface DiskCacheAsyncOptions
  extends Pick<ModuleMetadata, "imports">, Pick<FactoryProvider<PageCacheOptions<Request>>, "inject" | "useFactory"> {}

/**
 * Full-response page caching to disk for a Nest application on Express. Global: `DiskCacheService` can be injected
 * everywhere.
 * @example
 * ```ts
 * @Module({ imports: [DiskCacheModule.forRoot({ dir: ".cache/pages", ttl: "5m" })] })
 * class AppModule {}
 * ```
 */
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest knows modules by their classes
export class DiskCacheModule {
  /** @throws {DiskCacheError} `ERR_DISKCACHE_OPTION` when the application starts, naming the option */
  static forRoot(options: PageCacheOptions<Request>): DynamicModule {
    return wired({ provide: OPTIONS, useValue: options }, []);
  }

  /** Options that other providers know.
   * @example
   * ```ts
   * DiskCacheModule.forRootAsync({
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({ dir: config.getOrThrow("PAGES_DIR"), ttl: "5m" }),
   * })
   * ``` */
  static forRootAsync({ imports = [], inject = [], useFactory }: DiskCacheAsyncOptions): DynamicModule {
    return wired({ provide: OPTIONS, inject, useFactory }, imports);
  }
}
Module({})(DiskCacheModule);

type Imports = NonNullable<ModuleMetadata["imports"]>;
type Providers = NonNullable<ModuleMetadata["providers"]>;

function wired(options: Providers[number], imports: Imports): DynamicModule {
  return {
    module: DiskCacheModule,
    global: true,
    imports: [...imports, DiscoveryModule],
    providers: [
      options,
      {
        provide: DiskCacheService,
        inject: [OPTIONS],
        useFactory: (given: PageCacheOptions<Request>) => new DiskCacheService(diskCache(given)),
      },
      {
        provide: DiskCacheInterceptor,
        inject: [DiskCacheService],
        useFactory: ({ cache }: DiskCacheService) => new DiskCacheInterceptor(cache),
      },
      { provide: APP_INTERCEPTOR, useExisting: DiskCacheInterceptor },
      {
        provide: CHECK,
        inject: [DiskCacheInterceptor, DiscoveryService, MetadataScanner, HttpAdapterHost],
        useFactory: (...given: ConstructorParameters<typeof Check>) => new Check(...given),
      },
    ],
    exports: [DiskCacheService],
  };
}

/** What would otherwise be found by the first request: wrong policies in decorators, and a platform without Express. */
class Check implements OnModuleInit {
  readonly #interceptor: DiskCacheInterceptor;
  readonly #discovery: DiscoveryService;
  readonly #scanner: MetadataScanner;
  readonly #host: HttpAdapterHost;

  constructor(
    interceptor: DiskCacheInterceptor,
    discovery: DiscoveryService,
    scanner: MetadataScanner,
    host: HttpAdapterHost,
  ) {
    this.#interceptor = interceptor;
    this.#discovery = discovery;
    this.#scanner = scanner;
    this.#host = host;
  }

  onModuleInit(): void {
    const platform = (this.#host.httpAdapter as HttpAdapterHost["httpAdapter"] | undefined)?.getType();
    if (platform !== undefined && platform !== "express") {
      throw new TypeError(
        `DiskCacheModule is for the Express platform, and this application runs on "${platform}": ` +
          "give Fastify the cache of @diskcache/http by `serverFactory` (docs/frameworks.md)",
      );
    }
    for (const { metatype } of this.#discovery.getControllers()) {
      const prototype = (metatype as Function | undefined | null)?.prototype as Record<string, never> | undefined;
      if (prototype === undefined) continue;
      for (const name of this.#scanner.getAllMethodNames(prototype)) {
        this.#interceptor.middlewaresOf(metatype as Function, prototype[name]!);
      }
    }
  }
}
